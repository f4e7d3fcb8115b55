"""TrOCR keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "d_model": 16,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 32,
    "cross_attention_hidden_size": 12,
}
BARE = {
    **TINY,
    "use_learned_position_embeddings": False,
    "layernorm_embedding": False,
    "scale_embedding": True,
    "tie_word_embeddings": False,
}


@architecture_checks("trocr", TINY)
def test_trocr(check: Check) -> None:
    check()


@architecture_checks(
    "trocr",
    BARE,
    expected_failures={
        "left_padded_rows_write_what_they_write_alone-causal-lm": (
            "positions behind a cache count its padding, as in transformers"
        ),
    },
)
def test_trocr_with_sines_for_positions(check: Check) -> None:
    check()
