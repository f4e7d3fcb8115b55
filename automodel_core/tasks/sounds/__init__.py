"""Pipelines that hear sounds."""
