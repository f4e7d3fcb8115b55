"""Swin and its descendants: layers that see windows of patches, in stages that merge these."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
