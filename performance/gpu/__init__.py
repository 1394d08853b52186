"""What needs a GPU, measured by one command: see `__main__`."""
