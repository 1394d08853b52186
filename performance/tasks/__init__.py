"""A module for each further task, named as it is, whose `STEP` measures what it needs a GPU for (`performance.gpu`)."""
