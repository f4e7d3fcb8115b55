"""DPT and its descendants: how their pictures are prepared, and how maps of layers are fused."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
