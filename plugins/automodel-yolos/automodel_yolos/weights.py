"""The hub's names of the weights of YOLOS, and the modules that hold them."""

from __future__ import annotations

from automodel_core.checkpoint import WeightNames
from automodel_core.families.vit import VIT_NAMES

NAMES = WeightNames(
    {
        **VIT_NAMES,
        "embeddings": "embed",
        "embeddings.patch_embeddings": "embed.patches",
        "encoder.mid_position_embeddings": "stack.position_embeddings",
    },
    aliases={"encoder.interpolation": "encoder"},
)
"""The names in a body; newer models of the reference have an ``interpolation`` in memory."""


def yolos_names(body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    return NAMES.nested("vit", body) if body else NAMES
