"""Heads over any body, and the parts that they share."""
