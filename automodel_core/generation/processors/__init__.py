"""What changes the scores before a token is chosen, and what ends a generation."""
