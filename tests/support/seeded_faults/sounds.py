"""Faults in models that hear sounds, and in what prepares these."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_core.audio import SequenceFeatureExtractor
from automodel_core.generation.session import compiled
from automodel_core.modeling.heads import audio as heads
from automodel_core.modeling.losses.audio import connectionist_loss
from automodel_speech_encoder_decoder import SpeechEncoderDecoderModel
from automodel_wav2vec2 import modeling as wav2vec2
from automodel_whisper import WhisperForConditionalGeneration
from support.seeded_faults.seed import around, seen


@seen("wav2vec2", "padded_samples_change_nothing-base", "padded_samples_change_nothing-ctc")
def padded_samples_are_heard(patch: pytest.MonkeyPatch) -> None:
    """Layers attend to the frames of padding."""
    patch.setattr(wav2vec2.SpeechModel, "view", lambda model, states, heard: None)


@seen("wav2vec2", "padded_samples_change_nothing-audio-classification")
def padded_frames_vote(patch: pytest.MonkeyPatch) -> None:
    """The class of a recording is that of all its frames, padding among them."""
    patch.setattr(heads, "mean_of_heard", lambda states, heard: states.mean(dim=1))


@seen("wav2vec2", "frames_are_counted-ctc", "frames_are_counted-audio-xvector")
def frames_are_one_too_many(patch: pytest.MonkeyPatch) -> None:
    """The number of frames is one too large."""

    def counted(original: Any, stem: Any, samples: Any) -> Any:
        found = original(stem, samples)
        return found + 1 if isinstance(samples, Tensor) else found

    around(patch, wav2vec2.family.FeatureEncoder, "frames", counted)


@seen("wav2vec2", "padded_labels_do_not_count-ctc")
def padding_is_a_symbol(patch: pytest.MonkeyPatch) -> None:
    """Labels of -100 count as the symbol 1."""

    def loss(logits: Tensor, labels: Tensor, *rest: Any, **more: Any) -> Tensor:
        return connectionist_loss(logits, labels.masked_fill(labels < 0, 1), *rest, **more)

    patch.setattr(heads, "connectionist_loss", loss)


@seen("wav2vec2", "the_blank_is_the_padding-ctc")
def the_last_symbol_is_the_blank(patch: pytest.MonkeyPatch) -> None:
    """The last symbol, and not the padding token, means that nothing is said."""

    def loss(logits: Tensor, labels: Tensor, lengths: Tensor, _: int, **more: Any) -> Tensor:
        return connectionist_loss(logits, labels, lengths, logits.shape[-1] - 1, **more)

    patch.setattr(heads, "connectionist_loss", loss)


@seen("wav2vec2", "feature_extractor_serves_the_model-base")
def any_rate_is_taken(patch: pytest.MonkeyPatch) -> None:
    """Sounds of any sampling rate are taken for those that the model hears."""
    patch.setattr(SequenceFeatureExtractor, "_check_rate", lambda extractor, rate: None)


@seen("wav2vec2", "feature_extractor_serves_the_model-ctc")
def padding_is_normalised(patch: pytest.MonkeyPatch) -> None:
    """Mean and variance of a sound count its padding, though a mask tells it apart."""
    import automodel_core.audio.feature_extractor as extractors

    def whole(waveform: Tensor, heard: Tensor | None = None, padding: float = 0.0) -> Tensor:
        return (waveform - waveform.mean()) / torch.sqrt(waveform.var(correction=0) + 1e-7)

    patch.setattr(extractors, "normalized", whole)


@seen("speech-encoder-decoder", "masked_inputs_are_not_read-speech-seq2seq")
def padded_frames_are_written_down(patch: pytest.MonkeyPatch) -> None:
    """A decoder attends to the frames of what pads a sound."""
    patch.setattr(SpeechEncoderDecoderModel, "seen_by_decoder", lambda model, *given: {})


@seen("whisper", "a_compiled_step_writes_the_same-speech-seq2seq")
def fixed_shapes_are_heard(patch: pytest.MonkeyPatch) -> None:
    """A compiled step attends to what fills the encoder's states up to a fixed length."""
    patch.setattr(compiled, "_hides_states", lambda model: True)


@seen("whisper", "greedy_takes_the_best_token-speech-seq2seq")
def the_second_best_is_written(patch: pytest.MonkeyPatch) -> None:
    """Begins of texts that a checkpoint does not rule out are ruled out."""

    def change(original: Any, model: Any, *given: Any, **named: Any) -> Any:
        named["begin_suppress_tokens"] = list(range(10, model.config.vocab_size))
        return original(model, *given, **named)

    around(patch, WhisperForConditionalGeneration, "generate", change)
