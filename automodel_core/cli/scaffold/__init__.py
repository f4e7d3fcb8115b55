"""Plugins to begin with: the command ``new``, and the files that it writes."""
