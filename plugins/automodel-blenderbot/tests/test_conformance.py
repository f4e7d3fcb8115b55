"""Blenderbot and Blenderbot-small keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

# What generation settings forbid or force is not the best token.
TINY = {
    "forced_eos_token_id": None,
    "vocab_size": 99, "max_position_embeddings": 64, "d_model": 16,
    "encoder_layers": 2, "encoder_ffn_dim": 24, "encoder_attention_heads": 4,
    "decoder_layers": 2, "decoder_ffn_dim": 20, "decoder_attention_heads": 2,
}  # fmt: skip


@architecture_checks("blenderbot", {**TINY, "encoder_no_repeat_ngram_size": None})
def test_blenderbot(check: Check) -> None:
    check()


@architecture_checks("blenderbot-small", {**TINY, "scale_embedding": True})
def test_blenderbot_small(check: Check) -> None:
    check()
