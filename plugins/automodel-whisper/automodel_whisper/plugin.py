"""What automodel-whisper provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "speech-seq2seq": "ForConditionalGeneration",
    "causal-lm": "ForCausalLM",
    "audio-classification": "ForAudioClassification",
}


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="whisper",
            plugin_api=(1, 0),
            config="automodel_whisper.configuration:WhisperConfig",
            models={
                task: f"automodel_whisper.modeling:Whisper{head}" for task, head in _TASKS.items()
            },
            tokenizer="automodel_whisper.tokenization:WhisperTokenizer",
            feature_extractor="automodel_whisper.feature_extraction:WhisperFeatureExtractor",
            processor="automodel_whisper.processing:WhisperProcessor",
        )
    ]
