"""GPT-2 keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "n_positions": 32,
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 4,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


@architecture_checks("gpt2", TINY)
def test_gpt2(check: Check) -> None:
    check()


@architecture_checks("gpt2", {**TINY, "tie_word_embeddings": False, "n_inner": 24})
def test_untied_gpt2(check: Check) -> None:
    check()
