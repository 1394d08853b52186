"""Floor 2: the data on disk. Layout, shards, splits, manifest, generation and reading."""
