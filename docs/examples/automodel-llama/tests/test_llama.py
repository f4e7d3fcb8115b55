"""Llama keeps the promises that every architecture makes."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}


@architecture_checks("llama", TINY)
def test_llama(check: Check) -> None:
    check()
