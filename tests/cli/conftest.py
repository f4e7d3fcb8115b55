"""Fixtures for the tests of the command line."""

from __future__ import annotations

from support.tiny_plugin import checkpoint, tiny_gpt, tiny_site

__all__ = ["checkpoint", "tiny_gpt", "tiny_site"]
