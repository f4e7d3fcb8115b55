"""Decoding strategies: greedy search and sampling, contrastive search, DoLa, and beams."""
