"""What only the descendants of one ancestor share; no family imports another."""
