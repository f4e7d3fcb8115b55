"""What packages need that ask for objects of transformers; none is imported until it is used."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
