"""The hub's names of the weights of VideoMAE, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER_NAMES = {
    "attention.attention.query": "self_attn.q_proj",
    "attention.attention.q_bias": "self_attn.q_proj.bias",
    "attention.attention.key": "self_attn.k_proj",
    "attention.attention.value": "self_attn.v_proj",
    "attention.attention.v_bias": "self_attn.v_proj.bias",
    "attention.output.dense": "self_attn.o_proj",
    "intermediate.dense": "mlp.up_proj",
    "output.dense": "mlp.down_proj",
    "layernorm_before": "self_attn_norm",
    "layernorm_after": "mlp_norm",
}
IN_MEMORY = {
    "attention.attention.query.bias": "attention.attention.q_bias",
    "attention.attention.value.bias": "attention.attention.v_bias",
}
"""Names that the reference's newer models have in memory, and never write to the hub."""


def layers_at(hub: str, module: str) -> WeightNames:
    """Return the names of the layers of a stack."""
    return WeightNames(
        {f"{hub}.*.{theirs}": f"{module}.*.{ours}" for theirs, ours in LAYER_NAMES.items()},
        aliases={f"{hub}.*.{newer}": f"{hub}.*.{usual}" for newer, usual in IN_MEMORY.items()},
    )


BODY_NAMES = WeightNames(
    {"embeddings.patch_embeddings": "embed.patches", "layernorm": "norm"}
) | layers_at("encoder.layer", "stack.layers")
DECODER_NAMES = layers_at("decoder.decoder_layers", "decoder.layers")


@functools.cache
def videomae_names(prefix: str, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    return BODY_NAMES.nested(hub=prefix, module=body) | DECODER_NAMES if body else BODY_NAMES
