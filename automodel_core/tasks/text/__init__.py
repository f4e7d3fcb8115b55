"""Pipelines that read texts alone."""
