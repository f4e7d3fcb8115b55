"""The configuration of a text encoder and a text decoder."""

from __future__ import annotations

from automodel_core.families.pair import CompositeConfig


class EncoderDecoderConfig(CompositeConfig):
    """Text in, text out (https://arxiv.org/abs/1907.12461)."""

    model_type = "encoder-decoder"
