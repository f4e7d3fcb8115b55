"""Mel scales, and filter banks that are triangles on them."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown, warn_caller

__all__ = ["MelScale", "hertz_to_mel", "mel_filter_bank", "mel_to_hertz"]

MelScale = Literal["htk", "kaldi", "slaney"]
SCALES = {"htk": 2595 / math.log(10), "kaldi": 1127.0}
"""The factor of ``log(1 + hertz / 700)``; Slaney's scale has another form."""
LINEAR = 200 / 3
"""Hertz in a mel of Slaney's scale, below its break."""
BREAK_HERTZ, BREAK_MELS = 1000.0, 15.0
LOG_STEP = math.log(6.4) / 27
"""What a mel above the break adds to the logarithm of the frequency."""


def hertz_to_mel(hertz: Tensor | float, mel_scale: MelScale = "htk") -> Tensor:
    """Return frequencies in mels, in double precision."""
    hertz = torch.as_tensor(hertz, dtype=torch.float64)
    if _checked(mel_scale) in SCALES:
        return SCALES[mel_scale] * (hertz / 700).log1p()
    above = BREAK_MELS + (hertz.clamp(min=BREAK_HERTZ) / BREAK_HERTZ).log() / LOG_STEP
    return torch.where(hertz < BREAK_HERTZ, hertz / LINEAR, above)


def mel_to_hertz(mels: Tensor | float, mel_scale: MelScale = "htk") -> Tensor:
    """Return mels as frequencies in hertz, in double precision."""
    mels = torch.as_tensor(mels, dtype=torch.float64)
    if _checked(mel_scale) in SCALES:
        return 700 * (mels / SCALES[mel_scale]).expm1()
    above = BREAK_HERTZ * (LOG_STEP * (mels - BREAK_MELS)).exp()
    return torch.where(mels < BREAK_MELS, mels * LINEAR, above)


def mel_filter_bank(
    num_frequency_bins: int,
    num_mel_filters: int,
    min_frequency: float,
    max_frequency: float,
    sampling_rate: int,
    norm: Literal["slaney"] | None = None,
    mel_scale: MelScale = "htk",
    triangularize_in_mel_space: bool = False,
) -> Tensor:
    """Return filters ``(num_frequency_bins, num_mel_filters)`` in double precision.

    ``norm="slaney"`` gives each the same area. Triangles are straight over hertz, or over mels, as
    Kaldi has them. Warns if a filter lies between two bins, and so hears nothing.
    """
    if norm not in (None, "slaney"):
        raise InputError(f"norm={shown(norm)} is not known; it is 'slaney' or None")
    if num_frequency_bins < 2 or min_frequency > max_frequency:
        raise InputError(
            f"mel filters need two frequency bins or more, got {num_frequency_bins}, and a range "
            f"that does not fall, got {min_frequency} to {max_frequency} Hz"
        )
    lowest, highest = (float(hertz_to_mel(f, mel_scale)) for f in (min_frequency, max_frequency))
    corners = torch.linspace(lowest, highest, num_mel_filters + 2, dtype=torch.float64)
    if triangularize_in_mel_space:
        spacing = sampling_rate / (2 * (num_frequency_bins - 1))
        hertz = spacing * torch.arange(num_frequency_bins, dtype=torch.float64)
        bins = hertz_to_mel(hertz, mel_scale)
    else:
        corners = mel_to_hertz(corners, mel_scale)
        bins = torch.linspace(0, sampling_rate // 2, num_frequency_bins, dtype=torch.float64)
    widths, distances = corners.diff(), corners - bins[:, None]
    rising, falling = -distances[:, :-2] / widths[:-1], distances[:, 2:] / widths[1:]
    filters = torch.minimum(rising, falling).clamp(min=0)
    if norm is not None:
        filters = filters * (2 / (corners[2:] - corners[:-2]))
    if bool((filters.amax(dim=0) == 0).any()):
        warn_caller(
            f"some of {num_mel_filters} mel filters hear nothing: {num_frequency_bins} frequency "
            "bins are too few for them"
        )
    return filters


def _checked(mel_scale: str) -> str:
    if mel_scale not in (*SCALES, "slaney"):
        known = ", ".join(map(repr, (*SCALES, "slaney")))
        raise InputError(f"mel_scale={shown(mel_scale)} is not known; it is one of {known}")
    return mel_scale
