"""Bodies without a head."""
