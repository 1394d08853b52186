"""Floor 5: results beside each other: what was read of each, whether two may be compared, and whether they differ."""
