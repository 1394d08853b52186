"""Floor 7: the commands, one file each. Nothing heavy is imported before a command runs."""
