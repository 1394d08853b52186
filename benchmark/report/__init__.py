"""Floor 5: what people read. Summaries, tables, pictures."""
