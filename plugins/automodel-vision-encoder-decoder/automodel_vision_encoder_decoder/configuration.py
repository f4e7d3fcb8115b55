"""The configuration of an image encoder and a text decoder."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.families.pair import CompositeConfig


class VisionEncoderDecoderConfig(CompositeConfig):
    """An image in, text out (https://arxiv.org/abs/2109.10282 reads handwriting so)."""

    model_type = "vision-encoder-decoder"
    small_model: ClassVar = {
        **CompositeConfig.small_model, "encoder": {"model_type": "small-image", "hidden_size": 12},
    }  # fmt: skip

    tie_word_embeddings: bool = False
    """Between the sides there is nothing to tie; whether a decoder's are, its own keys say."""
