"""Pipelines that see a picture and read a text."""
