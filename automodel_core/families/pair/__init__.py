"""Composites: an encoder of one architecture and a decoder of another, joined into one model."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
