"""mBART's heads and configurations, to compare with the reference."""

from __future__ import annotations

import automodel_mbart
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["MBART"]

MBART = Family(
    package=automodel_mbart,
    heads=model_names("mbart"),
    small={
        "vocab_size": 40, "d_model": 16, "max_position_embeddings": 48,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_labels": 3,
        "decoder_start_token_id": 38,
    },
    cases={
        "plain": Case(),
        "unpadded": Case(padding="none"),
        "padded left": Case({"activation_function": "relu"}, padding="left"),
        "asymmetric": Case({
            "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 20,
            "decoder_ffn_dim": 36, "encoder_attention_heads": 4, "decoder_attention_heads": 1,
        }),
        "scaled": Case({"scale_embedding": True, "activation_function": "gelu_new"}),
        "untied": Case({"tie_word_embeddings": False}, untied=True, padding="left"),
        "odd heads": Case({
            "d_model": 15, "encoder_attention_heads": 5, "decoder_attention_heads": 3,
        }, lengths=(11, 13)),
        "deep decoder": Case({
            "encoder_layers": 1, "decoder_layers": 3, "activation_function": "silu",
        }, lengths=(5, 12)),
        "translated": Case(
            {"scale_embedding": True, "activation_function": "relu"},
            generation={"forced_bos_token_id": 37, "min_length": 5, "length_penalty": 0.5},
        ),
    },
    # Without an encoder, transformers 5 sizes the cache by the encoder's layers all the same.
    by_head={"MBartForCausalLM": {"encoder_layers": 3}},
    encoder_decoder=True,
    one_stack=("MBartForCausalLM",),
)  # fmt: skip
