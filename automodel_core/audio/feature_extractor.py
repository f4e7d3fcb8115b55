"""The base of feature extractors: from waveforms to padded batches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict

import torch
from torch import Tensor

from automodel_core.audio.files import read_audio
from automodel_core.audio.padding import SequenceLengths, padded_sequences
from automodel_core.audio.waveforms import normalized, single_waveforms, waveform_tensor
from automodel_core.errors import InputError
from automodel_core.fields import PositiveInt
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.preprocessor import Preprocessor
from automodel_core.preprocessing.tensors import TensorType

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ExtractionOptions", "SequenceFeatureExtractor", "WaveformFeatureExtractor"]


class ExtractionOptions(TypedDict, total=False):
    """How the sequences of one call are cut and padded, and what is returned.

    ``max_length`` is in samples or frames.
    """

    max_length: int | None
    truncation: bool | None
    pad_to_multiple_of: int | None
    return_attention_mask: bool | None
    return_tensors: str | TensorType | None


class SequenceFeatureExtractor(Preprocessor):
    """Turns waveforms into sequences of one length, by settings that a file holds.

    A subclass is called with waveforms and returns a `BatchFeature`, whose first input is that of
    ``model_input_names``; `waveforms` reads what it is given, `pad` makes the batch.
    """

    kind = "feature_extractor"
    model_input_names: ClassVar[tuple[str, ...]] = ("input_values", "attention_mask")
    ignored = Preprocessor.ignored | {"max_length", "pad_to_multiple_of", "padding", "truncation"}

    feature_size: PositiveInt = 1
    """The numbers of one step: 1 for samples, those of a spectrum for its frames."""
    sampling_rate: PositiveInt = 16_000
    """Samples in a second, of the recordings that the model was trained on."""
    padding_value: float = 0.0
    padding_side: Literal["right", "left"] = "right"
    return_attention_mask: bool = True

    @classmethod
    def _common_base(cls) -> type:
        return Preprocessor  # so that files have all settings: their defaults differ by class

    def waveforms(self, audio: Any, sampling_rate: int | None = None) -> list[Tensor]:
        """Return the waveforms ``(samples,)`` of a recording or a batch of them.

        A recording is an array, a tensor, a list of numbers, or a file: its path or its bytes.
        ``sampling_rate`` is theirs; a file has its own. Raises `InputError` if it is not that of
        the model.
        """
        if sampling_rate is not None:
            self._check_rate(sampling_rate)
        return [self._waveform(single) for single in single_waveforms(audio)]

    def _waveform(self, audio: Any) -> Tensor:
        if not isinstance(audio, str | os.PathLike | bytes):
            return waveform_tensor(audio)
        recording = read_audio(audio)
        self._check_rate(recording.sampling_rate)
        return recording.waveform

    def _check_rate(self, sampling_rate: int) -> None:
        if sampling_rate != self.sampling_rate:
            raise InputError(
                f"the audio has {sampling_rate} samples a second, the model takes "
                f"{self.sampling_rate}: resample it by automodel_core.audio.resample(waveform, "
                f"{sampling_rate}, {self.sampling_rate})"
            )

    def pad(
        self,
        processed_features: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        padding: bool | str | Enum | None = True,
        **options: Unpack[ExtractionOptions],
    ) -> BatchFeature:
        """Return sequences cut and padded to one length: lists, or tensors with ``return_tensors``.

        ``processed_features`` hold inputs by name, of a batch or one mapping for each row. The
        first of ``model_input_names`` is padded by ``padding_value``, an ``attention_mask`` by 0;
        others are kept. ``padding`` is a bool, ``longest``, ``max_length`` or ``do_not_pad``.
        """
        features = _by_name(processed_features)
        name = self.model_input_names[0]
        if name not in features:
            raise InputError(
                f"{type(self).__name__}.pad needs {name!r}, got {', '.join(features) or 'nothing'}"
            )
        values = [_sequence(row) for row in features[name]]
        if any(len(column) != len(values) for column in features.values()):
            raise InputError("the inputs of a batch have different numbers of rows")
        masks = self._masks(features, values, options.get("return_attention_mask"))
        multiple = options.get("pad_to_multiple_of")
        lengths = SequenceLengths.of(
            padding, options.get("truncation"), options.get("max_length"), multiple
        )
        if lengths.truncation:
            values = [row[: lengths.max_length] for row in values]
            masks = masks and [row[: lengths.max_length] for row in masks]
        if values and (target := lengths.target([*map(len, values)], multiple)) is not None:
            values = padded_sequences(values, target, self.padding_value, self.padding_side)
            masks = masks and padded_sequences(masks, target, 0, self.padding_side)
        padded = {**features, name: values}
        if masks is not None:
            padded["attention_mask"] = masks
        return BatchFeature(padded, options.get("return_tensors"))

    def _masks(
        self, features: Mapping[str, Any], values: list[Tensor], wanted: bool | None
    ) -> list[Tensor] | None:
        """Return 1 for each step of each row, or the masks given."""
        if "attention_mask" in features:
            return [torch.as_tensor(row, dtype=torch.int32) for row in features["attention_mask"]]
        if not (self.return_attention_mask if wanted is None else wanted):
            return None
        return [torch.ones(len(row), dtype=torch.int32) for row in values]


class WaveformFeatureExtractor(SequenceFeatureExtractor):
    """Returns the samples themselves, by default of mean 0 and variance 1."""

    do_normalize: bool = True

    def __call__(
        self,
        raw_speech: Any,
        padding: bool | str | Enum | None = False,
        *,
        sampling_rate: int | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> BatchFeature:
        """Return ``input_values`` and, where wanted, ``attention_mask``, both ``(batch, samples)``.

        ``raw_speech`` is a recording or a batch of them, as `waveforms` takes it. Where no mask
        is returned, padding is heard: it counts for mean and variance, as it does for models that
        are trained without masks.
        """
        settings = {key: value for key, value in options.items() if key not in _OPTIONS}
        here = self.overridden(settings)
        return_tensors = options.pop("return_tensors", None)
        rows = {self.model_input_names[0]: here.waveforms(raw_speech, sampling_rate)}
        features = here.pad(rows, padding, **options)
        if here.do_normalize:
            name = self.model_input_names[0]
            masks = features.get("attention_mask", [None] * len(features[name]))
            features[name] = [
                normalized(row, mask, here.padding_value)
                for row, mask in zip(features[name], masks, strict=True)
            ]
        return features.convert_to_tensors(return_tensors)


_OPTIONS = ExtractionOptions.__optional_keys__


def _by_name(features: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return inputs of a batch by name, given as such or as one mapping for each row."""
    if isinstance(features, Mapping):
        return dict(features)
    if not features:
        raise InputError("there is nothing to pad")
    return {name: [row[name] for row in features] for name in features[0]}


def _sequence(row: Any) -> Tensor:
    """Return one sequence ``(steps, ...)``; numbers in double precision become single."""
    tensor = row if isinstance(row, Tensor) else torch.as_tensor(row)
    return tensor.float() if tensor.dtype == torch.float64 else tensor
