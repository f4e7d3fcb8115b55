"""ViT and its descendants: one layer, and how checkpoints call what it is made of."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
