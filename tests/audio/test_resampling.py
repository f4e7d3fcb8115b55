"""Tones keep their amplitude and their time at another rate; what it cannot carry is gone."""

from __future__ import annotations

import math

import pytest
import torch

from automodel_core.audio import Recording, resample
from automodel_core.errors import InputError

RATES = [(44_100, 16_000), (48_000, 16_000), (8000, 16_000), (16_000, 22_050), (16_001, 15_999)]


def tone(frequency: float, rate: int, samples: int) -> torch.Tensor:
    times = torch.arange(samples, dtype=torch.float64) / rate
    return (2 * math.pi * frequency * times).sin()


@pytest.mark.parametrize(("rate", "other"), RATES)
def test_tones_are_the_same_at_another_rate(rate: int, other: int) -> None:
    for part in (0.01, 0.3, 0.7, 0.9):
        frequency = part * min(rate, other) / 2
        found = resample(tone(frequency, rate, rate // 4), rate, other)
        assert len(found) == math.ceil(rate // 4 * other / rate)
        inside = slice(len(found) // 4, 3 * len(found) // 4)
        expected = tone(frequency, other, len(found))
        assert (found - expected)[inside].abs().max() < 1e-4


@pytest.mark.parametrize(("rate", "other"), [(44_100, 16_000), (48_000, 16_000), (16_000, 8000)])
def test_no_aliases(rate: int, other: int) -> None:
    for part in (1.0, 1.1, 1.5):
        found = resample(tone(part * other / 2, rate, rate // 4), rate, other)
        loudest = found[len(found) // 4 : 3 * len(found) // 4].abs().max()
        assert 20 * math.log10(loudest) < -95


def test_channels_and_lengths() -> None:
    stereo = torch.randn(2, 441)
    both = resample(stereo, 44_100, 16_000)
    assert both.shape == (2, 160)
    assert both[1].allclose(resample(stereo[1], 44_100, 16_000), atol=1e-6)
    assert resample([0.5] * 3, 8000, 8000).tolist() == [0.5] * 3
    assert len(resample([0.5], 48_000, 8000)) == 1
    assert len(resample([], 48_000, 8000)) == 0
    assert Recording(stereo, 44_100).resampled(16_000).sampling_rate == 16_000


def test_rates_that_do_not_exist() -> None:
    with pytest.raises(InputError, match="a sampling rate is 1 or more, got 0"):
        resample([0.0], 0, 16_000)
