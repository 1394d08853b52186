"""Imports patterns that others made: the real set as it was published, its NPZ form, and our own for other storage."""
