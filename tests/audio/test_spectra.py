"""Spectra are those of torch.stft; what cannot be computed is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.audio import (
    Framing,
    hertz_to_mel,
    mel_filter_bank,
    power_to_db,
    spectrogram,
    window_function,
)
from automodel_core.errors import InputError

WINDOW = window_function(400)


def test_a_batch_is_as_torch_has_it() -> None:
    waveforms = torch.randn(3, 2000)
    found = spectrogram(waveforms, Framing(WINDOW, 160), power=None)
    expected = torch.stft(waveforms, 400, 160, window=WINDOW.float(), return_complex=True)
    assert found.equal(expected)


def test_dither_is_drawn_anew_for_each_frame() -> None:
    torch.manual_seed(0)
    frames = Framing(torch.ones(100), 10, center=False, dither=2.0).frames(torch.zeros(5000))
    assert frames.std().item() == pytest.approx(2.0, rel=0.02)
    assert not frames[0, 10:].equal(frames[1, :-10])


def test_short_waveforms() -> None:
    with pytest.raises(InputError, match="30 samples is shorter than a frame of 400"):
        spectrogram(torch.zeros(2, 30), Framing(WINDOW, 160, center=False))
    assert spectrogram(torch.ones(1), Framing(WINDOW, 160)).shape == (201, 1)


def test_filters_that_hear_nothing() -> None:
    with pytest.warns(UserWarning, match="some of 80 mel filters hear nothing"):
        mel_filter_bank(17, 80, 0.0, 8000.0, 16_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hertz_to_mel(1.0, "bark"), "mel_scale='bark'"),  # type: ignore[arg-type]
        (lambda: mel_filter_bank(1, 8, 0.0, 1.0, 8), "two frequency bins or more, got 1"),
        (lambda: mel_filter_bank(9, 8, 0.0, 1.0, 8, "l1"), "norm='l1'"),  # type: ignore[arg-type]
        (lambda: window_function(9, "kaiser"), "window 'kaiser' is not known"),
        (lambda: window_function(9, frame_length=8), "a window of 9 is longer than a frame of 8"),
        (lambda: Framing(WINDOW, 0), "need a hop_length of 1 or more, got 0"),
        (lambda: Framing(WINDOW, 9, 256), "an fft_length that is not shorter, got 256"),
        (lambda: power_to_db(torch.ones(1), db_range=0.0), "db_range=0.0 is not greater than 0"),
        (lambda: spectrum(torch.ones(9, dtype=torch.int)), "real numbers, not of torch.int32"),
        (lambda: spectrum(torch.ones(9), power=None, log_mel="log"), "log_mel need power"),
        (lambda: spectrum(torch.ones(9), log_mel="ln"), "log_mel='ln' is not known"),
        (lambda: spectrum(torch.ones(9), pad_mode="wrap"), "pad_mode='wrap' is not"),
        (lambda: spectrum(torch.ones(0)), "a waveform without samples has no spectrum"),
    ],
)
def test_what_cannot_be_computed(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def spectrum(waveform: torch.Tensor, pad_mode: Any = "reflect", **options: Any) -> torch.Tensor:
    return spectrogram(waveform, Framing(WINDOW, 160, pad_mode=pad_mode), **options)
