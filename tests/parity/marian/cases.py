"""Marian's heads and configurations, to compare with the reference."""

from __future__ import annotations

import automodel_marian
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["MARIAN"]

MARIAN = Family(
    package=automodel_marian,
    heads=model_names("marian"),
    small={
        "vocab_size": 40, "d_model": 16, "max_position_embeddings": 48,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "pad_token_id": 39, "decoder_start_token_id": 39, "eos_token_id": 0,
        "forced_eos_token_id": 0, "activation_function": "swish", "scale_embedding": True,
    },
    cases={
        "plain": Case(),
        "unpadded": Case({"activation_function": "gelu"}, padding="none"),
        "padded left": Case({"activation_function": "relu"}, padding="left"),
        "asymmetric": Case({
            "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 20,
            "decoder_ffn_dim": 36, "encoder_attention_heads": 4, "decoder_attention_heads": 1,
        }),
        "unscaled": Case({"scale_embedding": False, "activation_function": "gelu_new"}),
        "separate vocabularies": Case({
            "share_encoder_decoder_embeddings": False, "tie_word_embeddings": False,
        }, untied=True, padding="left"),
        "separate embeddings, tied output": Case({"share_encoder_decoder_embeddings": False}),
        "untied": Case({"tie_word_embeddings": False}, untied=True),
        "odd sizes": Case({
            "d_model": 15, "encoder_attention_heads": 5, "decoder_attention_heads": 3,
        }, lengths=(11, 13)),
        "as published": Case(
            {
                "add_bias_logits": False, "add_final_layer_norm": False, "classif_dropout": 0.0,
                "normalize_before": False, "normalize_embedding": False,
                "num_hidden_layers": 2, "static_position_embeddings": True, "bos_token_id": 0,
            },
            lengths=(5, 12),
            generation={"bad_words_ids": [[39]], "min_length": 4, "length_penalty": 2.0},
        ),
    },
    vocabulary=39, pad=39, end=0,
    encoder_decoder=True,
    one_stack=("MarianForCausalLM",),
)  # fmt: skip
