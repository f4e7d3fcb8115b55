"""BERT keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
}


@architecture_checks("bert", TINY, task_configs={"causal-lm": {"is_decoder": True}})
def test_bert(check: Check) -> None:
    check()
