"""Whisper keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99, "max_target_positions": 64, "max_source_positions": 9, "num_mel_bins": 6,
    "d_model": 16, "encoder_layers": 2, "encoder_ffn_dim": 24, "encoder_attention_heads": 4,
    "decoder_layers": 2, "decoder_ffn_dim": 20, "decoder_attention_heads": 2,
    "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 3,
    "begin_suppress_tokens": None, "classifier_proj_size": 12,
}  # fmt: skip
DISTILLED = {
    "encoder_layers": 3, "decoder_layers": 1, "use_weighted_layer_sum": True, "num_labels": 3,
}  # fmt: skip


@architecture_checks("whisper", TINY)
def test_whisper(check: Check) -> None:
    check()


@architecture_checks("whisper", {**TINY, **DISTILLED, "tie_word_embeddings": False})
def test_distilled_whisper(check: Check) -> None:
    check()
