"""The configuration of a text encoder and a text decoder."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.families.pair import CompositeConfig


class EncoderDecoderConfig(CompositeConfig):
    """Text in, text out (https://arxiv.org/abs/1907.12461)."""

    model_type = "encoder-decoder"
    small_model: ClassVar = {
        **CompositeConfig.small_model, "encoder": {"model_type": "small-text", "hidden_size": 12},
    }  # fmt: skip
