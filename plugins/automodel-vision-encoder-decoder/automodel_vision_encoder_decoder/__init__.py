"""Encoder-decoders made of an image encoder and a text decoder, for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_vision_encoder_decoder.configuration import (
        VisionEncoderDecoderConfig as VisionEncoderDecoderConfig,
    )
    from automodel_vision_encoder_decoder.modeling import (
        VisionEncoderDecoderModel as VisionEncoderDecoderModel,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("VisionEncoderDecoderConfig",),
        "modeling": ("VisionEncoderDecoderModel",),
    },
)
