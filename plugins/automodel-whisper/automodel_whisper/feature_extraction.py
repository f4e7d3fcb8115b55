"""Whisper's feature extractor: waveforms to spectrograms of 30 seconds, or as long as they are."""

from __future__ import annotations

import functools
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from automodel_core import audio
from automodel_core.errors import warn_caller
from automodel_core.fields import NonNegativeFloat, PositiveInt
from automodel_core.preprocessing import BatchFeature

if TYPE_CHECKING:
    from typing_extensions import Unpack

HIGHEST = 8000.0
"""Hertz above which nothing is heard."""
LEAST_POWER = 1e-10
RANGE = 8.0
"""The powers of ten below a recording's loudest that are told apart."""


class WhisperFeatureExtractor(audio.SequenceFeatureExtractor):
    """Returns logarithms of mel spectrograms, of 100 frames a second."""

    model_input_names: ClassVar[tuple[str, ...]] = ("input_features", "attention_mask")
    ignored = audio.SequenceFeatureExtractor.ignored | {
        "mel_filters", "n_samples", "nb_max_frames",
    }  # fmt: skip

    feature_size: PositiveInt = 80
    return_attention_mask: bool = False
    hop_length: PositiveInt = 160
    """Samples from one frame to the next."""
    chunk_length: PositiveInt = 30
    """Seconds that the model hears at once."""
    n_fft: PositiveInt = 400
    """Samples of a frame."""
    dither: NonNegativeFloat = 0.0
    """The deviation of noise that is added to recordings."""

    @property
    def n_samples(self) -> int:
        """Samples that the model hears at once."""
        return self.chunk_length * self.sampling_rate

    @property
    def nb_max_frames(self) -> int:
        """Frames that the model hears at once."""
        return self.n_samples // self.hop_length

    @property
    def mel_filters(self) -> Tensor:
        """The filters ``(bins, mels)``."""
        return _mel_filters(1 + self.n_fft // 2, self.feature_size, self.sampling_rate)

    def __call__(
        self,
        raw_speech: Any,
        padding: bool | str | Enum | None = "max_length",
        *,
        sampling_rate: int | None = None,
        do_normalize: bool | None = None,
        device: torch.device | str = "cpu",
        **options: Unpack[audio.ExtractionOptions],
    ) -> BatchFeature:
        """Return ``input_features`` ``(batch, mels, frames)`` and, on request, ``attention_mask``.

        ``raw_speech`` is a recording or a batch of them, as `waveforms` takes it. Recordings are
        padded with silence, or cut, to 30 seconds; ``truncation=False, padding="longest"`` keeps
        all of longer ones. ``do_normalize`` makes their mean 0 and their variance 1 first.
        """
        settings: dict[str, Any] = {k: v for k, v in options.items() if k not in _OPTIONS}
        if settings.pop("return_token_timestamps", None):
            told = "return_token_timestamps= is return_attention_mask= now, which counts the frames"
            warn_caller(told, FutureWarning)
            options["return_attention_mask"] = True
        here: Any = self.overridden(settings)
        return_tensors = options.pop("return_tensors", None)
        shown = options.pop("return_attention_mask", None)
        shown = here.return_attention_mask if shown is None else shown
        cut = options.pop("truncation", None)
        multiple = options.pop("pad_to_multiple_of", None)
        padded = here.pad(
            {"input_features": here.waveforms(raw_speech, sampling_rate)},
            padding,
            truncation=True if cut is None else cut,
            max_length=options.pop("max_length", None) or here.n_samples,
            pad_to_multiple_of=multiple,
            return_attention_mask=True,
        )
        waves, masks = padded["input_features"], padded["attention_mask"]
        if do_normalize:
            waves = [
                audio.normalized(wave, mask, here.padding_value)
                for wave, mask in zip(waves, masks, strict=True)
            ]
        features = {"input_features": here.spectrograms(waves, device)}
        if shown:
            hop = here.hop_length
            features["attention_mask"] = [mask[::hop][: len(mask) // hop] for mask in masks]
        return BatchFeature(features, return_tensors)

    def spectrograms(self, waves: list[Tensor], device: torch.device | str = "cpu") -> list[Tensor]:
        """Return what is heard of waveforms ``(samples,)``: ``(mels, frames)``, about -1 to 1.5."""
        window = torch.hann_window(self.n_fft, device=device)
        filters = self.mel_filters.float().to(device).mT
        if len({len(wave) for wave in waves}) == 1:
            waves = [torch.stack(waves)]
        found: list[Tensor] = []
        for wave in (each.to(device) for each in waves):
            if self.dither:
                wave = wave + self.dither * torch.randn_like(wave)
            # As the models' own training did it, to the last bit: sums of short frames differ.
            spectrum = torch.stft(
                wave, self.n_fft, self.hop_length, window=window, return_complex=True
            )[..., :-1]
            mels = (filters @ spectrum.abs().square().contiguous()).clamp(min=LEAST_POWER).log10()
            quietest = mels.amax(dim=(-2, -1), keepdim=True) - RANGE
            heard = ((torch.maximum(mels, quietest) + 4.0) / 4.0).cpu()
            found += heard.unbind() if heard.dim() == 3 else [heard]
        return found


_OPTIONS = audio.ExtractionOptions.__optional_keys__


@functools.lru_cache(maxsize=8)
def _mel_filters(bins: int, mels: int, sampling_rate: int) -> Tensor:
    return audio.mel_filter_bank(
        bins, mels, 0.0, HIGHEST, sampling_rate, norm="slaney", mel_scale="slaney"
    )
