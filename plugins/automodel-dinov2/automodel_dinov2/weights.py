"""The hub's names of DINOv2's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER, MODULES = "encoder.layer.*", "stack.layers.*"
BODY_NAMES = {
    "embeddings": "embed",
    "embeddings.patch_embeddings": "embed.patches",
    **{
        f"{LAYER}.{hub}": f"{MODULES}.{module}"
        for hub, module in {
            "norm1": "self_attn_norm",
            "attention.attention.query": "self_attn.q_proj",
            "attention.attention.key": "self_attn.k_proj",
            "attention.attention.value": "self_attn.v_proj",
            "attention.output.dense": "self_attn.o_proj",
            "layer_scale1.lambda1": "self_attn_scale",
            "norm2": "mlp_norm",
            "layer_scale2.lambda1": "mlp_scale",
        }.items()
    },
    "layernorm": "norm",
}
MLP = {
    f"{LAYER}.mlp.fc1": f"{MODULES}.mlp.up_proj",
    f"{LAYER}.mlp.fc2": f"{MODULES}.mlp.down_proj",
}
SWIGLU_IN = {
    f"{LAYER}.mlp.weights_in": (f"{MODULES}.mlp.gate_proj", f"{MODULES}.mlp.up_proj"),
}
SWIGLU_OUT = {f"{LAYER}.mlp.weights_out": f"{MODULES}.mlp.down_proj"}
IN_MEMORY = {
    f"{LAYER}.attention.{newer}": f"{LAYER}.attention.{hub}"
    for newer, hub in {
        "q_proj": "attention.query",
        "k_proj": "attention.key",
        "v_proj": "attention.value",
        "o_proj": "output.dense",
    }.items()
}
"""Names that the reference's newer models have in memory, and never write to the hub."""


@functools.cache
def dinov2_names(prefix: str, body: str, is_gated: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(
        BODY_NAMES | (SWIGLU_OUT if is_gated else MLP),
        fused=SWIGLU_IN if is_gated else None,
        aliases=IN_MEMORY,
    )
    return names.nested(hub=prefix, module=body) if body else names
