"""Another sampling rate for a waveform, by a windowed sinc."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from automodel_core.audio.waveforms import waveform_tensor
from automodel_core.errors import InputError

__all__ = ["resample"]

ZERO_CROSSINGS = 64
"""Of the sinc, on each side: half its width, in samples of the lower rate."""
CUTOFF = 0.95
"""Where the response falls through a half, as a part of the highest frequency."""
BETA = 10.06
"""The shape of the Kaiser window, for ripples 100 dB below the signal."""


def resample(waveform: Any, sampling_rate: int, new_sampling_rate: int) -> Tensor:
    """Return a waveform, ``(samples,)`` or ``(channels, samples)``, at another rate.

    Frequencies up to 0.9 of the highest that both rates can carry keep their amplitude to 0.001 dB;
    what the new rate cannot carry is at least 95 dB weaker. Nothing is delayed.
    """
    for rate in (sampling_rate, new_sampling_rate):
        if rate < 1:
            raise InputError(f"a sampling rate is 1 or more, got {rate}")
    samples = waveform_tensor(waveform, channels=True)
    if sampling_rate == new_sampling_rate or not samples.shape[-1]:
        return samples
    common = math.gcd(sampling_rate, new_sampling_rate)
    step, phases = sampling_rate // common, new_sampling_rate // common
    kernels = _kernels(step, phases).to(samples)
    taps = kernels.shape[-1]
    count = -(-samples.shape[-1] * phases // step)
    rows = samples.reshape(-1, 1, samples.shape[-1])
    padded = torch.nn.functional.pad(rows, (taps // 2, taps // 2 + step))
    result = rows.new_empty((*rows.shape[:-1], count))
    for phase in range(min(phases, count)):
        # Each phases-th sample lies at the same place between two of the given ones.
        start, places = phase * step // phases, -(-(count - phase) // phases)
        heard = torch.nn.functional.conv1d(
            padded[..., start:], kernels[phase, None, None], None, step
        )
        result[..., phase::phases] = heard[..., :places]
    return result.view(*samples.shape[:-1], count)


def _kernels(step: int, phases: int) -> Tensor:
    """Return ``(phases, taps)``: what the samples around each phase weigh, in double precision."""
    scale = min(1.0, phases / step)
    reach = math.ceil(ZERO_CROSSINGS / scale)
    between = torch.arange(phases, dtype=torch.float64) * step / phases % 1
    distance = torch.arange(-reach, reach + 1, dtype=torch.float64) - between[:, None]
    inside = (1 - (distance / (reach + 1)) ** 2).clamp(min=0).sqrt()
    window = torch.special.i0(BETA * inside) / torch.special.i0(torch.tensor(BETA).double())
    kernels: Tensor = torch.special.sinc(CUTOFF * scale * distance) * window
    return kernels / kernels.sum(dim=-1, keepdim=True)
