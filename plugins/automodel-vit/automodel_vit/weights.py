"""The hub's names of the weights of ViT and DeiT, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.vit import VIT_NAMES

LAYER = "encoder.layer.*"
BODY_NAMES = {
    **VIT_NAMES,
    "embeddings": "embed",
    "embeddings.patch_embeddings": "embed.patches",
}
IN_MEMORY = {
    f"layers.*.{newer}": f"{LAYER}.{hub}"
    for newer, hub in {
        "attention.q_proj": "attention.attention.query",
        "attention.k_proj": "attention.attention.key",
        "attention.v_proj": "attention.attention.value",
        "attention.o_proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
        "layernorm_before": "layernorm_before",
        "layernorm_after": "layernorm_after",
    }.items()
}
"""Names that the reference's newer models have in memory, and never write to the hub."""


@functools.cache
def vit_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(BODY_NAMES, aliases=IN_MEMORY)
    return names.nested(hub=prefix, module=body) if body else names
