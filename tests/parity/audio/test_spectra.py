"""Mel filters, windows and spectra equal the reference's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import transformers.audio_utils as reference

from automodel_core import audio

WAVEFORM = np.random.default_rng(0).standard_normal(2000)
FILTERS = reference.mel_filter_bank(257, 40, 20.0, 7600.0, 16_000, None, "kaldi", True)


@pytest.mark.parametrize("over_mels", [False, True])
@pytest.mark.parametrize("norm", [None, "slaney"])
@pytest.mark.parametrize("scale", ["htk", "slaney", "kaldi"])
def test_mel_filters(scale: Any, norm: Any, over_mels: bool) -> None:
    arguments: Any = (257, 40, 20.0, 7600.0, 16_000, norm, scale, over_mels)
    expected = reference.mel_filter_bank(*arguments)
    assert np.allclose(audio.mel_filter_bank(*arguments).numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", ["htk", "slaney", "kaldi"])
def test_mels_and_hertz(scale: Any) -> None:
    hertz = np.array([0.0, 20.0, 999.0, 1000.0, 1001.0, 8000.0])
    mels = audio.hertz_to_mel(torch.tensor(hertz), scale)
    assert np.allclose(mels.numpy(), reference.hertz_to_mel(hertz.copy(), scale), rtol=1e-12)
    assert np.allclose(audio.mel_to_hertz(mels, scale).numpy(), hertz, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("name", ["boxcar", "hamming", "hann", "povey"])
def test_windows(name: str) -> None:
    for periodic, frame, center in itertools.product((True, False), (None, 512), (True, False)):
        window = audio.window_function(399, name, periodic, frame, center).numpy()
        expected = reference.window_function(399, name, periodic, frame, center)
        assert np.allclose(window, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("samples", [2000, 60])
@pytest.mark.parametrize(
    "settings",
    [
        {"pad_mode": "constant", "preemphasis": 0.97},
        {"pad_mode": "edge", "remove_dc_offset": True},
        {"pad_mode": "reflect", "fft_length": 512},
        {"center": False, "fft_length": 512, "preemphasis": 0.97, "remove_dc_offset": True},
    ],
)
def test_spectra(settings: dict[str, Any], samples: int) -> None:
    if samples < 100 and not settings.get("center", True):
        return  # the reference reads before the array's beginning
    waveform, window = WAVEFORM[:samples], reference.window_function(400, "hann")
    framing = audio.Framing(torch.tensor(window), 160, **settings)
    fits = settings.get("fft_length") == 512
    kinds = [(None, None), *itertools.product((1.0, 2.0), (None, "log", "log10", "dB"))]
    for (power, log), mel in itertools.product(kinds, (False, True)):
        if mel and (power is None or not fits):
            continue
        filters = FILTERS if mel else None
        found = audio.spectrogram(
            torch.tensor(waveform),
            framing,
            power=power,
            mel_filters=torch.tensor(filters) if mel else None,
            log_mel=log,  # type: ignore[arg-type]
        )
        expected = reference.spectrogram(
            waveform, window, 400, 160, power=power, mel_filters=filters, log_mel=log, **settings
        )
        assert found.shape == expected.shape
        assert np.allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_decibels() -> None:
    values = np.abs(WAVEFORM) ** 3
    for name in ("power_to_db", "amplitude_to_db"):
        for arguments in ({}, {"reference": 2.5, "min_value": 1e-3, "db_range": 30.0}):
            found = getattr(audio, name)(torch.tensor(values), **arguments)
            expected = getattr(reference, name)(values, **arguments)
            assert np.allclose(found.numpy(), expected, rtol=0, atol=1e-10)


def test_lengths_of_spectra() -> None:
    for length in (1, 2, 3, 400, 512, 513):
        assert audio.optimal_fft_length(length) == reference.optimal_fft_length(length)
