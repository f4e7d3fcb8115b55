"""What the descendants of CLIP share: a tower for texts and one for images, of pre-norm layers.

A plugin states the keys of its configurations and the hub's names of its weights; `towers` has
both bodies, and `modeling.TwoTowerModel` compares their vectors.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
