"""Floor 3: the record of a run, read from what the run left behind."""
