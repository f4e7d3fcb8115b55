"""ProphetNet to compare: its configurations, with two and with three predicting streams."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import automodel_prophetnet
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["PROPHETNET", "SMALL"]

SMALL = {
    "vocab_size": 40, "hidden_size": 16, "encoder_ffn_dim": 24, "decoder_ffn_dim": 20,
    "num_encoder_layers": 2, "num_encoder_attention_heads": 2, "num_decoder_layers": 2,
    "num_decoder_attention_heads": 4, "max_position_embeddings": 40, "num_buckets": 8,
    "relative_max_distance": 16,
}  # fmt: skip
KINDS = {
    "usual": Case(),
    "smoothed labels, padded left": Case(
        {"eps": 0.1, "activation_function": "gelu_new"}, padding="left"
    ),
    "loss of the next token, unpadded": Case(
        {"disable_ngram_loss": True, "eps": 0.2, "activation_function": "relu"}, padding="none"
    ),
    "deep encoder": Case(
        {"num_encoder_layers": 3, "num_decoder_layers": 1, "num_encoder_attention_heads": 8},
        padding="left",
    ),
    "deep decoder, odd heads": Case(
        {
            "hidden_size": 15, "num_encoder_layers": 1, "num_decoder_layers": 3,
            "num_encoder_attention_heads": 3, "num_decoder_attention_heads": 5,
            "use_cache": False,  # transformers 5 makes a cache as deep as the encoder
        },
        generation={"use_cache": False},
    ),
    "beyond the buckets": Case(
        {"num_buckets": 5, "relative_max_distance": 7, "max_position_embeddings": 24},
        lengths=(13, 17),
    ),
    "usual buckets": Case(
        {"num_buckets": 32, "relative_max_distance": 128, "max_position_embeddings": 80},
        lengths=(12, 70), padding="none",
    ),
    "untied": Case({"tie_word_embeddings": False}, untied=True),
}  # fmt: skip
CASES = {
    f"{name}, {ngram} streams": replace(case, settings={**case.settings, "ngram": ngram})
    for name, case in KINDS.items()
    for ngram in (2, 3)
}
CASES["1 stream"] = Case({"ngram": 1})
CASES["5 streams"] = Case({"ngram": 5}, padding="left")
DECODERS = ("ProphetNetDecoder", "ProphetNetForCausalLM")


class ProphetNetFamily(Family):
    """The reference, which shows attention weights as both of its versions document them."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        for module in model.modules():
            if type(module).__name__ == "ProphetNetAttention":
                module.register_forward_hook(show_weights)
        return model


def show_weights(module: Any, inputs: Any, output: Any) -> Any:
    """Show weights: the reference documents them, and returns the scores before softmax."""
    attended, scores = output
    return attended, None if scores is None else scores.softmax(dim=-1)


PROPHETNET = ProphetNetFamily(
    package=automodel_prophetnet,
    heads=(*model_names("prophetnet"), "ProphetNetEncoder", "ProphetNetDecoder"),
    small=SMALL,
    cases=CASES,
    by_head={
        "ProphetNetDecoder": {"add_cross_attention": False, "use_cache": False},
        "ProphetNetForCausalLM": {"add_cross_attention": False},
    },
    pad=0,
    end=2,
    encoder_decoder=True,
    one_stack=("ProphetNetEncoder", *DECODERS),
)
