"""The hub's names of MPNet's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, body_names, vocabulary_names

LAYER_NAMES = {
    f"encoder.layer.*.{hub}": f"stack.layers.*.{module}"
    for hub, module in {
        "attention.attn.q": "self_attn.q_proj",
        "attention.attn.k": "self_attn.k_proj",
        "attention.attn.v": "self_attn.v_proj",
        "attention.attn.o": "self_attn.o_proj",
        "attention.LayerNorm": "self_attn_norm",
        "intermediate.dense": "mlp.up_proj",
        "output.dense": "mlp.down_proj",
        "output.LayerNorm": "mlp_norm",
    }.items()
}


@functools.cache
def mpnet_names(body: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``is_tied`` says whether the output layer is tied to the embeddings.
    """
    distances = {"encoder.relative_attention_bias": "distances.bias"}
    names = body_names({**EMBEDDING_NAMES, **LAYER_NAMES, **distances})
    if not body:
        return names
    vocabulary = vocabulary_names("lm_head", "dense", "layer_norm", is_tied=is_tied)
    return names.nested(hub="mpnet", module=body) | vocabulary
