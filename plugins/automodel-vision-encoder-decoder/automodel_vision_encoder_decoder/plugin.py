"""What automodel-vision-encoder-decoder provides; importing it imports no torch and no models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_MODEL = "automodel_vision_encoder_decoder.modeling:VisionEncoderDecoderModel"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="vision-encoder-decoder",
            plugin_api=(1, 0),
            config="automodel_vision_encoder_decoder.configuration:VisionEncoderDecoderConfig",
            models={"vision2seq": _MODEL, "image-text-to-text": _MODEL},
        )
    ]
