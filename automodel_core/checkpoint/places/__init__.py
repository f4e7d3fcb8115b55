"""Where files come from and go to: folders, the hub."""
