"""Pipelines that see pictures or videos, and no text."""
