"""What the tasks ask: definitions, recipes of data, rules that are one task's own; found by `definition/finder.py`."""
