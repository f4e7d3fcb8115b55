"""The hub's names of the encoder's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.swin import SWIN_NAMES


@functools.cache
def donut_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(SWIN_NAMES)
    return names.nested(hub=prefix, module=body) if body else names
