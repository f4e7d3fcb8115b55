"""Checks of models that hear sounds."""
