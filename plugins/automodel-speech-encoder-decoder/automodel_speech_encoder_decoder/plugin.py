"""What automodel-speech-encoder-decoder provides; importing it imports no torch and no models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_MODEL = "automodel_speech_encoder_decoder.modeling:SpeechEncoderDecoderModel"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="speech-encoder-decoder",
            plugin_api=(1, 0),
            config="automodel_speech_encoder_decoder.configuration:SpeechEncoderDecoderConfig",
            models={"speech-seq2seq": _MODEL},
        )
    ]
