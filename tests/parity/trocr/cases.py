"""TrOCR's decoder and its configurations, to compare with the reference."""

from __future__ import annotations

import automodel_trocr
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["TROCR"]

BARE = {"use_learned_position_embeddings": False, "layernorm_embedding": False}
TROCR = Family(
    package=automodel_trocr,
    heads=model_names("trocr"),
    small={
        "vocab_size": 40, "d_model": 16, "max_position_embeddings": 24, "decoder_layers": 2,
        "decoder_ffn_dim": 24, "decoder_attention_heads": 2,
    },
    cases={
        "plain": Case(),
        "unpadded, attending": Case(
            {"activation_function": "relu"}, lengths=(8, 0), padding="none"
        ),
        "padded left": Case({"decoder_attention_heads": 4}, padding="left"),
        "scaled": Case({"scale_embedding": True, "activation_function": "gelu_new"}),
        "no norm of embeddings": Case({"layernorm_embedding": False}, lengths=(11, 0)),
        "sines": Case({"use_learned_position_embeddings": False}),
        "sines, no norm, attending": Case(BARE, lengths=(7, 0)),
        # With a cache the reference looks for sines that it has not computed yet.
        "more sines than are computed ahead": Case(
            {"use_learned_position_embeddings": False, "max_position_embeddings": 5},
            padding="none",
            generation={"use_cache": False},
        ),
        "untied": Case({"tie_word_embeddings": False}, untied=True, lengths=(10, 0)),
        "a wider encoder": Case({"cross_attention_hidden_size": 20}, lengths=(6, 0)),
        "a narrower encoder, three deep": Case(
            {"cross_attention_hidden_size": 6, "decoder_layers": 3, "activation_function": "silu"},
            lengths=(12, 0),
        ),
        "odd width": Case({"d_model": 15, "decoder_attention_heads": 3, "decoder_ffn_dim": 7}),
    },
)  # fmt: skip
