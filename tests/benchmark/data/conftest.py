"""The small data set that `written.py` writes."""

from written import seal, stack_of, uneven, write_uneven, written, written_as_drawn

__all__ = ["seal", "stack_of", "uneven", "write_uneven", "written", "written_as_drawn"]
