"""ALBERT keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "embedding_size": 12,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
}
GROUPS = {"num_hidden_layers": 5, "num_hidden_groups": 2}


@architecture_checks("albert", TINY)
def test_albert(check: Check) -> None:
    check()


@architecture_checks(
    "albert", {**TINY, **GROUPS, "embedding_size": 16, "tie_word_embeddings": False}
)
def test_groups(check: Check) -> None:
    check()
