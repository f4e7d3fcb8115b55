"""The configuration of an encoder of speech and a text decoder."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.families.pair import CompositeConfig


class SpeechEncoderDecoderConfig(CompositeConfig):
    """Speech in, text out (https://arxiv.org/abs/2104.06678 translates so)."""

    model_type = "speech-encoder-decoder"
    small_model: ClassVar = {
        **CompositeConfig.small_model, "encoder": {"model_type": "small-sound", "hidden_size": 12},
    }  # fmt: skip

    tie_word_embeddings: bool = False
    """Between the sides there is nothing to tie; whether a decoder's are, its own keys say."""
