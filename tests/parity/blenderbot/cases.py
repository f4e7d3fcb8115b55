"""Heads and configurations of Blenderbot and Blenderbot-small, to compare with the reference."""

from __future__ import annotations

import automodel_blenderbot
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["BLENDERBOT", "BLENDERBOT_SMALL"]

CASES = {
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
        "scale_embedding": True,
    }, lengths=(5, 12)),
    "in conversation": Case(
        generation={"min_length": 5, "no_repeat_ngram_size": 3, "length_penalty": 0.65},
    ),
}  # fmt: skip
SMALL = {
    "vocab_size": 40, "d_model": 16, "max_position_embeddings": 48,
    "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2,
}  # fmt: skip


def family(model_type: str) -> Family:
    heads = model_names(model_type)
    decoders = tuple(head for head in heads if head.endswith("ForCausalLM"))
    return Family(
        package=automodel_blenderbot,
        heads=heads,
        small=SMALL,
        cases=CASES,
        # Without an encoder, transformers 5 sizes the cache by the encoder's layers all the same.
        by_head={head: {"encoder_layers": 3} for head in decoders},
        pad=0,
        encoder_decoder=True,
        one_stack=decoders,
    )


BLENDERBOT = family("blenderbot")
BLENDERBOT_SMALL = family("blenderbot-small")
