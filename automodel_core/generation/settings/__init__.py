"""What a caller may set, and whether it is legal: generation settings, compilation, watermarks."""
