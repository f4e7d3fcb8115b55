"""Fixtures for the tests of checkpoints."""

from __future__ import annotations

from support.hub import hub

__all__ = ["hub"]
