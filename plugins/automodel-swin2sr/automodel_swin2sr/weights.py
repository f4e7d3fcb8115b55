"""The hub's names of Swin2SR's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.swin import WINDOW_LAYER_NAMES

LAYER = "encoder.stages.*.layers.*"
BODY_NAMES = {
    "embeddings.patch_embeddings.projection": "patches.projection",
    "embeddings.patch_embeddings.layernorm": "embed_norm",
    "encoder.stages.*.conv": "stack.stages.*.conv",
    "encoder.stages.*.patch_embed": "stack.stages.*.patches",
    **{
        f"{LAYER}.{hub}": f"stack.stages.*.layers.*.{module}"
        for hub, module in WINDOW_LAYER_NAMES.items()
    },
    "layernorm": "norm",
}
COMPUTED = tuple(
    f"{LAYER}.attention.self.{name}"
    for name in ("relative_position_index", "relative_coords_table")
)
"""Tables that windows have by their size, in files of early versions."""


@functools.cache
def swin2sr_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(BODY_NAMES, ignored=COMPUTED)
    return names.nested(hub=prefix, module=body) if body else names
