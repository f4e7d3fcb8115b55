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
GROUP = "bert.encoder.transformer.group.*.inner_group.*"
# As Google's own files have them; the parts of a layer are numbered like its variables.
GOOGLE = {
    "bert": "",
    "bert.pooler.dense": "pooler",
    **{
        f"{GROUP}.{theirs}": f"encoder.albert_layer_groups.*.albert_layers.*.{hub}"
        for theirs, hub in {
            **{
                f"attention.1.self.{part}": f"attention.{part}"
                for part in ("query", "key", "value")
            },
            "attention.1.output.dense": "attention.dense",
            "LayerNorm": "attention.LayerNorm",
            "ffn.1.intermediate.dense": "ffn",
            "ffn.1.intermediate.output.dense": "ffn_output",
            "LayerNorm.1": "full_layer_layer_norm",
        }.items()
    },
}
GOOGLES_HEADS = {
    "cls.predictions": "predictions",
    "cls.predictions.transform": "predictions",
    "cls.seq_relationship": "sop_classifier.classifier",
    "weight": "classifier.weight",
    "bias": "classifier.bias",
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
    ) | WeightNames(foreign=GOOGLE)
    if not body:
        return names
    return (
        names.nested(hub="albert", module=body)
        | WeightNames({"sop_classifier.classifier": "sentence_order"}, foreign=GOOGLES_HEADS)
        | vocabulary_names("predictions", "dense", "LayerNorm", is_tied=is_tied)
    )
