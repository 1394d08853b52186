"""Floor 6: the commands, one file each. Nothing heavy is imported before a command runs."""
