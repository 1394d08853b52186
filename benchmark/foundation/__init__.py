"""Floor 0: errors, atomic files and progress. Imports nothing of this project."""
