"""Masks with a class for each, by queries: what models learn from, and what they have found."""
