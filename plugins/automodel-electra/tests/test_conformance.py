"""ELECTRA keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "embedding_size": 12,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
}
AS_DECODER = {"causal-lm": {"is_decoder": True}}


@architecture_checks("electra", TINY, task_configs=AS_DECODER)
def test_electra(check: Check) -> None:
    check()


@architecture_checks(
    "electra",
    {**TINY, "embedding_size": 16, "tie_word_embeddings": False},
    task_configs=AS_DECODER,
)
def test_electra_with_wide_embeddings(check: Check) -> None:
    check()
