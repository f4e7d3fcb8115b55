"""What models return, by what they read."""
