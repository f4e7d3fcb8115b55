"""The hub's names of the weights of Swin and Swin V2, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.swin import SWIN_NAMES

LAYER = "encoder.layers.*.blocks.*"
COMPUTED = (
    f"{LAYER}.attention.self.relative_position_index",
    f"{LAYER}.attention.self.relative_coords_table",
    f"{LAYER}.attention.relative_position_bias.relative_position_index",
)
"""Tables that many files hold, and that windows have by their size."""
IN_MEMORY = {
    f"{LAYER}.{newer}": f"{LAYER}.{hub}"
    for newer, hub in {
        "attention.q_proj": "attention.self.query",
        "attention.k_proj": "attention.self.key",
        "attention.v_proj": "attention.self.value",
        "attention.o_proj": "attention.output.dense",
        "attention.relative_position_bias.relative_position_bias_table": (
            "attention.self.relative_position_bias_table"
        ),
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    }.items()
}
"""Names that the reference's newer models have in memory, and never write to the hub."""


@functools.cache
def backbone_names(prefix: str) -> WeightNames:
    """Return the names of a backbone, which newer versions have in a body with an unused norm."""
    inside = {f"{prefix}.{name}": name for name in ("embeddings", "encoder")}
    inside |= {f"{prefix}.{newer}": hub for newer, hub in IN_MEMORY.items()}
    unused = ("layernorm", f"{prefix}.layernorm", "pooler", "classifier")
    return WeightNames(SWIN_NAMES, aliases=IN_MEMORY | inside, ignored=(*COMPUTED, *unused))


@functools.cache
def swin_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    rules = {**SWIN_NAMES, "layernorm": "norm"}
    names = WeightNames(rules, aliases=IN_MEMORY, ignored=COMPUTED)
    return names.nested(hub=prefix, module=body) if body else names
