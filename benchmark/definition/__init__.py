"""Floor 1: the benchmarks as data (one YAML file each) and as frozen values."""
