"""The hub's names of the family's weights, and the modules that hold them."""

from __future__ import annotations

__all__ = ["SWIN_NAMES", "WINDOW_LAYER_NAMES"]

WINDOW_LAYER_NAMES = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.self.relative_position_bias_table": "self_attn.position_scores.table",
    "attention.self.relative_position_index": "self_attn.position_scores.index",
    "attention.self.logit_scale": "self_attn.q_norm.logit_scale",
    "attention.self.continuous_position_bias_mlp": "self_attn.position_scores.mlp",
    "attention.output.dense": "self_attn.o_proj",
    "intermediate.dense": "mlp.up_proj",
    "output.dense": "mlp.down_proj",
    "layernorm_before": "self_attn_norm",
    "layernorm_after": "mlp_norm",
}
"""The names in a layer of either version."""
SWIN_NAMES = {
    "embeddings": "embed",
    "embeddings.patch_embeddings": "embed.patches",
    "encoder.layers.*.downsample": "stack.stages.*.downsample",
    **{
        f"encoder.layers.*.blocks.*.{hub}": f"stack.stages.*.layers.*.{module}"
        for hub, module in WINDOW_LAYER_NAMES.items()
    },
}
"""The names in a body."""
