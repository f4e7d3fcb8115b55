"""RoBERTa, XLM-RoBERTa and CamemBERT keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 34,
}
AS_DECODER = {"causal-lm": {"is_decoder": True}}


@architecture_checks("roberta", TINY, task_configs=AS_DECODER)
def test_roberta(check: Check) -> None:
    check()


@architecture_checks("xlm-roberta", TINY, task_configs=AS_DECODER)
def test_xlm_roberta(check: Check) -> None:
    check()


@architecture_checks("camembert", {**TINY, "pad_token_id": 0}, task_configs=AS_DECODER)
def test_camembert(check: Check) -> None:
    check()
