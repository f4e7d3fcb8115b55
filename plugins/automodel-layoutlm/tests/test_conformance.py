"""LayoutLM keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "max_2d_position_embeddings": 40,
}
ODD = {"num_hidden_layers": 1, "num_attention_heads": 2, "type_vocab_size": 1}


@architecture_checks("layoutlm", TINY)
def test_layoutlm(check: Check) -> None:
    check()


@architecture_checks("layoutlm", {**TINY, **ODD, "tie_word_embeddings": False})
def test_one_layer_untied(check: Check) -> None:
    check()
