"""Boxes and masks of objects: geometry, matching with what is there, losses, and segments."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
