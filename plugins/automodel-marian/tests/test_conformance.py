"""Marian keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

# An end that is forced at the last place is not the best token.
TINY = {
    "forced_eos_token_id": None,
    "vocab_size": 99,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
    "pad_token_id": 98,
    "decoder_start_token_id": 98,
}
SEPARATE = {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False}


@architecture_checks("marian", TINY)
def test_marian(check: Check) -> None:
    check()


@architecture_checks("marian", {**TINY, **SEPARATE})
def test_marian_with_separate_vocabularies(check: Check) -> None:
    check()
