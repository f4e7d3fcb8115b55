"""The hub's names of DeBERTa's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, body_names, vocabulary_names

ATTENTION_NAMES = {
    name: name
    for name in (
        "in_proj", "q_bias", "v_bias", "head_logits_proj", "head_weights_proj", "pos_proj",
        "pos_q_proj", "pos_key_proj", "pos_query_proj",
    )
} | {"query_proj": "q_proj", "key_proj": "k_proj", "value_proj": "v_proj"}  # fmt: skip
LAYER, OURS = "encoder.layer.*", "stack.layers.*"
BODY_NAMES = {
    **EMBEDDING_NAMES,
    "embeddings.embed_proj": "embed_proj",
    "encoder.rel_embeddings": "distances.table",
    "encoder.LayerNorm": "distances.norm",
    "encoder.conv.conv": "stack.layers.0.conv",
    "encoder.conv.LayerNorm": "stack.layers.0.conv_norm",
    **{
        f"{LAYER}.attention.self.{hub}": f"{OURS}.self_attn.{module}"
        for hub, module in ATTENTION_NAMES.items()
    },
    f"{LAYER}.attention.output.dense": f"{OURS}.self_attn.o_proj",
    f"{LAYER}.attention.output.LayerNorm": f"{OURS}.self_attn_norm",
    f"{LAYER}.intermediate.dense": f"{OURS}.mlp.up_proj",
    f"{LAYER}.output.dense": f"{OURS}.mlp.down_proj",
    f"{LAYER}.output.LayerNorm": f"{OURS}.mlp_norm",
}
LEGACY, HEAD = "cls.predictions", "lm_predictions.lm_head"
SPELLINGS = {
    f"{LEGACY}.transform.dense": f"{HEAD}.dense",
    f"{LEGACY}.transform.LayerNorm": f"{HEAD}.LayerNorm",
    f"{LEGACY}.bias": f"{HEAD}.bias",
}


@functools.cache
def deberta_names(body: str, *, is_legacy: bool, is_tied: bool, is_placed: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    The head over the vocabulary has its first names where it ``is_legacy``; either are read.
    ``is_tied`` says whether the output layer is tied to the embeddings, ``is_placed`` whether
    positions have embeddings.
    """
    names = body_names(BODY_NAMES)
    if not is_placed:
        names |= WeightNames(ignored=("embeddings.position_embeddings",))
    if not body:
        return names
    names = names.nested(hub="deberta", module=body) | WeightNames(ignored=("mask_predictions",))
    if not is_legacy:
        rules = {
            f"{HEAD}.dense": "lm_transform.dense",
            f"{HEAD}.LayerNorm": "lm_transform.norm",
            f"{HEAD}.bias": "lm_head.bias",
            f"{HEAD}.decoder.weight": "lm_head.weight",
        }
        return names | WeightNames(rules, foreign=SPELLINGS)
    vocabulary = vocabulary_names(LEGACY, "transform.dense", "transform.LayerNorm", is_tied=is_tied)
    return names | vocabulary | WeightNames(foreign={ours: old for old, ours in SPELLINGS.items()})
