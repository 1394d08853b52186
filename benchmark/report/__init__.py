"""Floor 6: what people read. Summaries, tables, pictures."""
