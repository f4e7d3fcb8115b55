"""MaskFormer and Mask2Former for automodel-core."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
