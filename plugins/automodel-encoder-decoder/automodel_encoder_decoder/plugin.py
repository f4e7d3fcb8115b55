"""What automodel-encoder-decoder provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="encoder-decoder",
            plugin_api=(1, 0),
            config="automodel_encoder_decoder.configuration:EncoderDecoderConfig",
            models={"seq2seq-lm": "automodel_encoder_decoder.modeling:EncoderDecoderModel"},
        )
    ]
