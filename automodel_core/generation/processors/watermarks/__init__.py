"""Watermarks: how text is marked while it is generated, and how a mark is detected."""
