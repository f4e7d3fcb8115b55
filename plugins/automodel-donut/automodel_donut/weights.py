"""The hub's names of the encoder's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER = "encoder.layers.*.blocks.*"
BODY_NAMES = {
    "embeddings.patch_embeddings": "patches",
    "embeddings.norm": "embed_norm",
    "encoder.layers.*.downsample": "stack.stages.*.downsample",
    **{
        f"{LAYER}.{hub}": f"stack.stages.*.layers.*.{module}"
        for hub, module in {
            "attention.self.query": "self_attn.q_proj",
            "attention.self.key": "self_attn.k_proj",
            "attention.self.value": "self_attn.v_proj",
            "attention.self.relative_position_bias_table": "self_attn.position_scores.table",
            "attention.self.relative_position_index": "self_attn.position_scores.index",
            "attention.output.dense": "self_attn.o_proj",
            "intermediate.dense": "mlp.up_proj",
            "output.dense": "mlp.down_proj",
            "layernorm_before": "self_attn_norm",
            "layernorm_after": "mlp_norm",
        }.items()
    },
}


@functools.cache
def donut_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(BODY_NAMES)
    return names.nested(hub=prefix, module=body) if body else names
