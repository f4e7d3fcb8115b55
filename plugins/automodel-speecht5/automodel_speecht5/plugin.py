"""What automodel-speecht5 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_PACKAGE = "automodel_speecht5"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="speecht5",
            plugin_api=(1, 1),
            config=f"{_PACKAGE}.configuration:SpeechT5Config",
            models={
                "base": f"{_PACKAGE}.modeling:SpeechT5Model",
                "speech-seq2seq": f"{_PACKAGE}.modeling:SpeechT5ForSpeechToText",
                "text-to-spectrogram": f"{_PACKAGE}.speaking:SpeechT5ForTextToSpeech",
            },
            tokenizer=f"{_PACKAGE}.tokenization:SpeechT5Tokenizer",
            feature_extractor=f"{_PACKAGE}.feature_extraction:SpeechT5FeatureExtractor",
            processor=f"{_PACKAGE}.processing:SpeechT5Processor",
        )
    ]
