"""Floor 2: MLLOG events: their keys, the writer, the reader and the timeline of a run."""
