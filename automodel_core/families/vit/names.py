"""The hub's names of the layers of ViT, and the modules that hold them."""

from __future__ import annotations

__all__ = ["VIT_NAMES"]

VIT_NAMES = {
    **{
        f"encoder.layer.*.{hub}": f"stack.layers.*.{module}"
        for hub, module in {
            "attention.attention.query": "self_attn.q_proj",
            "attention.attention.key": "self_attn.k_proj",
            "attention.attention.value": "self_attn.v_proj",
            "attention.output.dense": "self_attn.o_proj",
            "intermediate.dense": "mlp.up_proj",
            "output.dense": "mlp.down_proj",
            "layernorm_before": "self_attn_norm",
            "layernorm_after": "mlp_norm",
        }.items()
    },
    "layernorm": "norm",
}
"""The names in a body, whose layers are a ``stack`` before a ``norm``."""
