"""DeBERTa keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "position_biased_input": False,
}
PLACED = {"position_biased_input": True, "type_vocab_size": 2, "embedding_size": 12}
XLARGE = {
    "position_buckets": 6,
    "max_relative_positions": 20,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "conv_kernel_size": 3,
    "conv_act": "gelu",
}


@architecture_checks("deberta", {**TINY, **PLACED})
def test_deberta(check: Check) -> None:
    check()


@architecture_checks("deberta-v2", {**TINY, **XLARGE})
def test_deberta_v2(check: Check) -> None:
    check()
