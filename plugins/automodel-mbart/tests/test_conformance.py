"""mBART keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

# An end that is forced at the last place is not the best token.
TINY = {
    "forced_eos_token_id": None, "decoder_start_token_id": 97,
    "vocab_size": 99, "max_position_embeddings": 64, "d_model": 16,
    "encoder_layers": 2, "encoder_ffn_dim": 24, "encoder_attention_heads": 4,
    "decoder_layers": 2, "decoder_ffn_dim": 20, "decoder_attention_heads": 2,
}  # fmt: skip


@architecture_checks("mbart", TINY)
def test_mbart(check: Check) -> None:
    check()
