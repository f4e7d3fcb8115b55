"""The hub's names of ALBERT's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, body_names, vocabulary_names

LAYER_NAMES = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.dense": "self_attn.o_proj",
    "attention.LayerNorm": "self_attn_norm",
    "ffn": "mlp.up_proj",
    "ffn_output": "mlp.down_proj",
    "full_layer_layer_norm": "mlp_norm",
}


@functools.cache
def albert_names(body: str, groups: int, inner: int, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    There are ``inner`` layers in each of the ``groups``; ``is_tied`` says whether the output layer
    is tied to the embeddings.
    """
    layers = {
        f"encoder.albert_layer_groups.{group}.albert_layers.{layer}.{hub}": (
            f"stack.layers.{group * inner + layer}.{module}"
        )
        for group in range(groups)
        for layer in range(inner)
        for hub, module in LAYER_NAMES.items()
    }
    names = body_names(
        {
            **EMBEDDING_NAMES,
            "encoder.embedding_hidden_mapping_in": "embed_proj",
            **layers,
            "pooler": "pooler.dense",
        }
    )
    if not body:
        return names
    return (
        names.nested(hub="albert", module=body)
        | WeightNames({"sop_classifier.classifier": "sentence_order"})
        | vocabulary_names("predictions", "dense", "LayerNorm", is_tied=is_tied)
    )
