"""T5, mT5 and UMT5 keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "d_model": 16,
    "d_kv": 4,
    "d_ff": 24,
    "num_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
    "decoder_start_token_id": 0,
}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


@architecture_checks("t5", TINY)
def test_t5(check: Check) -> None:
    check()


@architecture_checks("t5", {**TINY, **GATED})
def test_gated_t5(check: Check) -> None:
    check()


@architecture_checks("mt5", TINY)
def test_mt5(check: Check) -> None:
    check()


@architecture_checks("umt5", TINY)
def test_umt5(check: Check) -> None:
    check()
