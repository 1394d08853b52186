"""What the tasks ask: definitions, recipes of data, and rules that are one task's own; found by `definition/finder.py`."""
