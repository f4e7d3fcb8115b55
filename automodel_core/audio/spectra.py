"""Spectra of waveforms over time: windows, frames, power, logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown

__all__ = [
    "Framing",
    "amplitude_to_db",
    "optimal_fft_length",
    "power_to_db",
    "spectrogram",
    "window_function",
]

Logarithm = Literal["log", "log10", "dB"]
WINDOWS = ("boxcar", "hamming", "hamming_window", "hann", "hann_window", "povey")


def optimal_fft_length(window_length: int) -> int:
    """Return the least power of two that a window fits into."""
    return 1 << (window_length - 1).bit_length()


def window_function(
    window_length: int,
    name: str = "hann",
    periodic: bool = True,
    frame_length: int | None = None,
    center: bool = True,
) -> Tensor:
    """Return a window in double precision, with zeros around it, or after it, to ``frame_length``.

    ``name`` is ``boxcar``, ``hamming``, ``hann`` or ``povey``, a power of the Hann window.
    """
    if name not in WINDOWS:
        raise InputError(f"window {shown(name)} is not known; known are {', '.join(WINDOWS)}")
    if name == "boxcar":
        window = torch.ones(window_length, dtype=torch.float64)
    elif name.startswith("hamming"):
        window = torch.hamming_window(window_length, periodic=periodic, dtype=torch.float64)
    else:
        window = torch.hann_window(window_length, periodic=periodic, dtype=torch.float64)
    if name == "povey":
        window = window.clamp(min=0) ** 0.85
    if frame_length is None:
        return window
    if window_length > frame_length:
        raise InputError(f"a window of {window_length} is longer than a frame of {frame_length}")
    before = (frame_length - window_length) // 2 if center else 0
    after = frame_length - window_length - before
    return torch.nn.functional.pad(window, (before, after))


@dataclass(frozen=True, eq=False)
class Framing:
    """How a waveform is cut into frames, and what is done to each before its spectrum.

    The window is as long as a frame. ``center`` puts the middle of frame t at sample
    ``t * hop_length``, and fills what lies outside as ``pad_mode`` says.
    """

    window: Tensor
    hop_length: int
    fft_length: int | None = None
    """Samples of a frame with the zeros after it; by default none are added."""
    center: bool = True
    pad_mode: Literal["reflect", "constant", "edge"] = "reflect"
    dither: float = 0.0
    """The deviation of noise that is added, drawn anew for each frame."""
    preemphasis: float | None = None
    """How much of the sample before is taken from each sample of a frame."""
    remove_dc_offset: bool = False

    def __post_init__(self) -> None:
        frame = len(self.window)
        if self.hop_length < 1 or (self.fft_length or frame) < frame:
            raise InputError(
                f"frames of {frame} samples need a hop_length of 1 or more, got {self.hop_length}, "
                f"and an fft_length that is not shorter, got {self.fft_length}"
            )

    def frames(self, waveform: Tensor) -> Tensor:
        """Return ``(..., frames, samples of a frame)``, windowed."""
        length = len(self.window)
        if self.center:
            waveform = _extended(waveform, length // 2, self.pad_mode)
        if waveform.shape[-1] < length:
            raise InputError(
                f"a waveform of {waveform.shape[-1]} samples is shorter than a frame of {length}"
            )
        frames = waveform.unfold(-1, length, self.hop_length)
        if self.dither:
            frames = frames + self.dither * torch.randn_like(frames)
        if self.remove_dc_offset:
            frames = frames - frames.mean(dim=-1, keepdim=True)
        if self.preemphasis is not None:
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
            frames = frames - self.preemphasis * before
        return frames * self.window.to(frames)


def spectrogram(
    waveform: Tensor,
    framing: Framing,
    *,
    power: float | None = 1.0,
    mel_filters: Tensor | None = None,
    mel_floor: float = 1e-10,
    log_mel: Logarithm | None = None,
) -> Tensor:
    """Return ``(..., bins, frames)`` of a waveform ``(..., samples)``, in its precision.

    ``power`` is 1 for amplitudes, 2 for powers, ``None`` for complex numbers. ``mel_filters`` are
    of `mel_filter_bank`; their output is at least ``mel_floor``. ``log_mel`` takes the logarithm:
    ``log``, ``log10`` or ``dB``.
    """
    if not waveform.is_floating_point():
        raise InputError(f"a spectrum is of real numbers, not of {waveform.dtype}")
    if power is None and (mel_filters is not None or log_mel is not None):
        raise InputError("mel_filters and log_mel need power, which is None")
    spectrum: Tensor = torch.fft.rfft(framing.frames(waveform), n=framing.fft_length).mT
    if power is None:
        return spectrum
    values: Tensor = spectrum.abs() ** power
    if mel_filters is not None:
        values = (mel_filters.to(values).mT @ values).clamp(min=mel_floor)
    if log_mel is None:
        return values
    if log_mel == "dB" and power in (1, 2):
        return (amplitude_to_db if power == 1 else power_to_db)(values, min_value=1e-10)
    if log_mel not in ("log", "log10"):
        raise InputError(f"log_mel={shown(log_mel)} is not known for power={power}")
    return values.log() if log_mel == "log" else values.log10()


def power_to_db(
    values: Tensor,
    reference: float = 1.0,
    min_value: float = 1e-10,
    db_range: float | None = None,
) -> Tensor:
    """Return powers in decibels above ``reference``.

    Powers below ``min_value`` count as that; none is more than ``db_range`` below the loudest.
    """
    return _decibels(values, 10.0, reference, min_value, db_range)


def amplitude_to_db(
    values: Tensor,
    reference: float = 1.0,
    min_value: float = 1e-5,
    db_range: float | None = None,
) -> Tensor:
    """Return amplitudes in decibels above ``reference``; arguments as in `power_to_db`."""
    return _decibels(values, 20.0, reference, min_value, db_range)


def _decibels(
    values: Tensor, factor: float, reference: float, min_value: float, db_range: float | None
) -> Tensor:
    given = {"reference": reference, "min_value": min_value, "db_range": db_range}
    for name, number in given.items():
        if number is not None and number <= 0:
            raise InputError(f"{name}={number} is not greater than 0")
    zero = torch.tensor(max(min_value, reference), dtype=values.dtype).log10()
    decibels = factor * (values.clamp(min=min_value).log10() - zero)
    return decibels if db_range is None else decibels.clamp(min=decibels.max() - db_range)


def _extended(waveform: Tensor, margin: int, mode: str) -> Tensor:
    """Return a waveform with ``margin`` samples more on both sides."""
    length = waveform.shape[-1]
    if mode == "constant":
        return torch.nn.functional.pad(waveform, (margin, margin))
    if not length:
        raise InputError("a waveform without samples has no spectrum")
    places = torch.arange(-margin, length + margin, device=waveform.device)
    if mode == "edge":
        return waveform[..., places.clamp(0, length - 1)]
    if mode != "reflect":
        raise InputError(f"pad_mode={shown(mode)} is not 'reflect', 'constant' or 'edge'")
    # A waveform shorter than the margin is reflected more than once.
    period = max(2 * (length - 1), 1)
    places = places % period
    return waveform[..., torch.minimum(places, period - places)]
