"""What decoders keep between steps, of every kind."""
