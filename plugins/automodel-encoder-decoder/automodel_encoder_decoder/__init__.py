"""Encoder-decoders made of a text encoder and a text decoder, for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_encoder_decoder.configuration import EncoderDecoderConfig as EncoderDecoderConfig
    from automodel_encoder_decoder.modeling import EncoderDecoderModel as EncoderDecoderModel

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {"configuration": ("EncoderDecoderConfig",), "modeling": ("EncoderDecoderModel",)},
)
