"""M2M100's heads and configurations, to compare with the reference."""

from __future__ import annotations

import automodel_m2m100
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["M2M100"]

M2M100 = Family(
    package=automodel_m2m100,
    heads=model_names("m2m_100"),
    small={
        "vocab_size": 40, "d_model": 16, "max_position_embeddings": 48,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    },
    cases={
        "plain": Case(generation={"forced_bos_token_id": 7}),
        "unpadded": Case({"activation_function": "gelu"}, padding="none"),
        "padded left": Case({"activation_function": "silu"}, padding="left"),
        "asymmetric": Case({
            "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 20,
            "decoder_ffn_dim": 36, "encoder_attention_heads": 4, "decoder_attention_heads": 1,
        }, generation={"forced_bos_token_id": 9, "max_length": 11}),
        "unscaled": Case({"scale_embedding": False, "activation_function": "gelu_new"}),
        "untied": Case({"tie_word_embeddings": False}, untied=True, padding="left"),
        "odd sizes": Case({
            "d_model": 15, "encoder_attention_heads": 5, "decoder_attention_heads": 3,
        }, lengths=(11, 13)),
        "more positions than computed ahead": Case({
            "max_position_embeddings": 4, "decoder_layers": 3,
        }, lengths=(14, 12)),
        "as published": Case(
            {
                "add_final_layer_norm": True, "normalize_before": True, "num_hidden_layers": 2,
                "gradient_checkpointing": False, "normalize_embedding": False,
                "static_position_embeddings": False, "add_bias_logits": False,
            },
            lengths=(5, 12),
            generation={"forced_bos_token_id": 11, "length_penalty": 0.5, "early_stopping": True},
        ),
    },
    encoder_decoder=True,
)  # fmt: skip
