"""Networks of clips that learn: from labels, from two teachers, and how tracklets are embedded."""
