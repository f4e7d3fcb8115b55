"""Checks of architectures: what they do, and the properties that say which of them apply."""
