"""SpeechT5's feature extractor: waveforms for the encoder, spectrograms for the decoder."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from automodel_core import audio as sounds
from automodel_core.errors import InputError
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt
from automodel_core.preprocessing import BatchFeature

if TYPE_CHECKING:
    from typing_extensions import Unpack

MILLISECONDS = 1000


class SpeechT5FeatureExtractor(sounds.WaveformFeatureExtractor):
    """Samples as they are, and log-mel spectrograms of targets."""

    ignored = sounds.WaveformFeatureExtractor.ignored | {"frame_signal_scale", "reduction_factor"}

    do_normalize: bool = False
    num_mel_bins: PositiveInt = 80
    hop_length: PositiveInt = 16
    """Milliseconds from one frame to the next."""
    win_length: PositiveInt = 64
    """Milliseconds of a frame."""
    win_function: str = "hann_window"
    fmin: NonNegativeFloat = 80
    fmax: PositiveFloat = 7600
    mel_floor: PositiveFloat = 1e-10

    def __call__(  # type: ignore[override]
        self,
        audio: Any = None,
        audio_target: Any = None,
        padding: bool | str | Enum | None = False,
        *,
        sampling_rate: int | None = None,
        **options: Unpack[sounds.ExtractionOptions],
    ) -> BatchFeature:
        """Return ``input_values`` ``(batch, samples)`` of ``audio``, or those of targets.

        ``audio_target`` becomes spectrograms ``(batch, frames, num_mel_bins)``: ``labels`` beside
        ``audio``, with a ``decoder_attention_mask``, and else ``input_values``.
        """
        if audio is None and audio_target is None:
            raise InputError("give audio or audio_target: there is nothing to process")
        targets = None
        if audio_target is not None:
            targets = self.targets(audio_target, padding, sampling_rate=sampling_rate, **options)
            if audio is None:
                return targets
        inputs = super().__call__(audio, padding, sampling_rate=sampling_rate, **options)
        if targets is not None:
            inputs["labels"] = targets["input_values"]
            if "attention_mask" in targets:
                inputs["decoder_attention_mask"] = targets["attention_mask"]
        return inputs

    def targets(
        self,
        audio: Any,
        padding: bool | str | Enum | None = False,
        *,
        sampling_rate: int | None = None,
        **options: Unpack[sounds.ExtractionOptions],
    ) -> BatchFeature:
        """Return spectrograms ``(batch, frames, num_mel_bins)`` of recordings, padded."""
        waveforms = self.waveforms(audio, sampling_rate)
        rows = {"input_values": [self.spectrogram(waveform) for waveform in waveforms]}
        return self.pad(rows, padding, **options)

    def spectrogram(self, waveform: Tensor) -> Tensor:
        """Return the logarithms to base 10 of amplitudes, ``(frames, num_mel_bins)``."""
        frame = self.win_length * self.sampling_rate // MILLISECONDS
        fft_length = sounds.optimal_fft_length(frame)
        filters = sounds.mel_filter_bank(
            fft_length // 2 + 1,
            self.num_mel_bins,
            self.fmin,
            self.fmax,
            self.sampling_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        framing = sounds.Framing(
            sounds.window_function(frame, self.win_function),
            self.hop_length * self.sampling_rate // MILLISECONDS,
            fft_length,
        )
        heard = sounds.spectrogram(
            waveform.double(),
            framing,
            mel_filters=filters,
            mel_floor=self.mel_floor,
            log_mel="log10",
        )
        return heard.mT.to(torch.float32)
