"""What the descendants of DETR share: queries that look for objects in a map of features."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
