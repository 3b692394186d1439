"""Networks whose weights and maps are integers of eight bits: trained as such, and run as such."""
