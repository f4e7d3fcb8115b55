"""The hub's names of DistilBERT's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, body_names

LAYER_NAMES = {
    f"transformer.layer.*.{hub}": f"stack.layers.*.{module}"
    for hub, module in {
        "attention.q_lin": "self_attn.q_proj",
        "attention.k_lin": "self_attn.k_proj",
        "attention.v_lin": "self_attn.v_proj",
        "attention.out_lin": "self_attn.o_proj",
        "sa_layer_norm": "self_attn_norm",
        "ffn.lin1": "mlp.up_proj",
        "ffn.lin2": "mlp.down_proj",
        "output_layer_norm": "mlp_norm",
    }.items()
}
HEAD_NAMES = {
    "vocab_transform": "lm_transform.dense",
    "vocab_layer_norm": "lm_transform.norm",
    "vocab_projector": "lm_head",
    "pre_classifier": "pooler.dense",
}


@functools.cache
def distilbert_names(body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = body_names({**EMBEDDING_NAMES, **LAYER_NAMES})
    return names.nested(hub="distilbert", module=body) | WeightNames(HEAD_NAMES) if body else names
