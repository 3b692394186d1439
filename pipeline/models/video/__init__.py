"""Networks of whole tracklets: a light trunk, a spatial and a temporal head, and their fusion."""
