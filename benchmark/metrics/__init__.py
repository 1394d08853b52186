"""Floor 1: confusion counts and what follows from them."""
