"""Floor 5: results side by side: what was read of each, whether two may be compared, and whether they differ."""
