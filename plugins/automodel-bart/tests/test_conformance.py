"""BART keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

# An end that is forced at the last place is not the best token.
TINY = {
    "forced_eos_token_id": None,
    "vocab_size": 99, "max_position_embeddings": 64, "d_model": 16,
    "encoder_layers": 2, "encoder_ffn_dim": 24, "encoder_attention_heads": 4,
    "decoder_layers": 2, "decoder_ffn_dim": 20, "decoder_attention_heads": 2,
}  # fmt: skip
DISTILLED = {"encoder_layers": 3, "decoder_layers": 1, "scale_embedding": True}


@architecture_checks("bart", TINY)
def test_bart(check: Check) -> None:
    check()


@architecture_checks("bart", {**TINY, **DISTILLED, "tie_word_embeddings": False})
def test_distilled_bart(check: Check) -> None:
    check()
