"""How the reference answers each benchmark: a folder each, found by its name."""
