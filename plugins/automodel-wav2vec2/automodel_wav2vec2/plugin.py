"""What automodel-wav2vec2 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "pretraining": "ForPreTraining",
    "ctc": "ForCTC",
    "audio-classification": "ForSequenceClassification",
    "audio-frame-classification": "ForAudioFrameClassification",
    "audio-xvector": "ForXVector",
}
_MODULES = {"ForPreTraining": "pretraining"}


def _member(model_type: str, family: str, module: str, *tasks: str) -> Architecture:
    """Describe one member of the family; all have the same tokenizer and processors."""
    package = "automodel_wav2vec2"
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"{package}.configuration:{family}Config",
        models={
            task: f"{package}.{_MODULES.get(_TASKS[task], module)}:{family}{_TASKS[task]}"
            for task in tasks
        },
        tokenizer=f"{package}.tokenization:Wav2Vec2CTCTokenizer",
        feature_extractor=f"{package}.feature_extraction:Wav2Vec2FeatureExtractor",
        processor=(
            f"{package}.processing:Wav2Vec2Processor",
            f"{package}.language_models:Wav2Vec2ProcessorWithLM",
        ),
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    labels = "base", "ctc", "audio-classification"
    speakers = "audio-frame-classification", "audio-xvector"
    return [
        _member("wav2vec2", "Wav2Vec2", "modeling", *labels, *speakers, "pretraining"),
        _member("hubert", "Hubert", "modeling", *labels),
        _member("wavlm", "WavLM", "wavlm", *labels, *speakers),
    ]
