"""Beam search and its variants: diverse, constrained, ranked."""
