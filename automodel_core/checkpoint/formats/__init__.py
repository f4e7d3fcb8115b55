"""Formats of weight files."""
