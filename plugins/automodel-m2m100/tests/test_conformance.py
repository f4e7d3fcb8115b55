"""M2M100 keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

# A layer that is left out by chance gets no gradient.
TINY = {
    "encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0,
    "vocab_size": 99, "max_position_embeddings": 64, "d_model": 16,
    "encoder_layers": 2, "encoder_ffn_dim": 20, "encoder_attention_heads": 2,
    "decoder_layers": 2, "decoder_ffn_dim": 24, "decoder_attention_heads": 4,
}  # fmt: skip


@architecture_checks("m2m_100", TINY)
def test_m2m100(check: Check) -> None:
    check()


@architecture_checks("m2m_100", {**TINY, "decoder_layers": 1, "tie_word_embeddings": False})
def test_untied_m2m100(check: Check) -> None:
    check()
