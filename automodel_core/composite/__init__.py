"""Composites: an encoder of one architecture and a decoder of another, joined into one model."""
