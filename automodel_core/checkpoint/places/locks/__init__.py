"""Locks: which files and packages a load may use."""
