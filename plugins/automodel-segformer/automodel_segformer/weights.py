"""The hub's names of the encoder's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER = "encoder.block.*.*"
LAYER_NAMES = {
    "layer_norm_1": "self_attn_norm",
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.self.sr": "self_attn.reduction",
    "attention.self.layer_norm": "self_attn.reduction_norm",
    "attention.output.dense": "self_attn.o_proj",
    "layer_norm_2": "mlp_norm",
    "mlp.dense1": "mlp.up_proj",
    "mlp.dwconv.dwconv": "mlp.mixing",
    "mlp.dense2": "mlp.down_proj",
}
BODY_NAMES = {
    "encoder.patch_embeddings.*.proj": "stages.*.patches.projection",
    "encoder.patch_embeddings.*.layer_norm": "stages.*.patches.norm",
    **{f"{LAYER}.{hub}": f"stages.*.layers.*.{module}" for hub, module in LAYER_NAMES.items()},
    "encoder.layer_norm.*": "stages.*.norm",
}
IN_MEMORY = {
    "stages.*.patch_embeddings": "encoder.patch_embeddings.*",
    "stages.*.layer_norm": "encoder.layer_norm.*",
    **{
        f"stages.*.blocks.*.{newer}": f"{LAYER}.{hub}"
        for newer, hub in {
            "layernorm_before": "layer_norm_1",
            "attention.q_proj": "attention.self.query",
            "attention.k_proj": "attention.self.key",
            "attention.v_proj": "attention.self.value",
            "attention.sequence_reduction.sequence_reduction": "attention.self.sr",
            "attention.sequence_reduction.layer_norm": "attention.self.layer_norm",
            "attention.o_proj": "attention.output.dense",
            "layernorm_after": "layer_norm_2",
            "mlp.fc1": "mlp.dense1",
            "mlp.dwconv.dwconv": "mlp.dwconv.dwconv",
            "mlp.fc2": "mlp.dense2",
        }.items()
    },
}
"""Names that the reference's newer models have in memory, and never write to the hub."""
HEAD_NAMES = WeightNames(aliases={"decode_head.linear_projections": "decode_head.linear_c"})


@functools.cache
def mix_transformer_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(BODY_NAMES, aliases=IN_MEMORY)
    return names.nested(hub=prefix, module=body) | HEAD_NAMES if body else names
