"""Waveforms of any kind as tensors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown

__all__ = ["is_numbers", "mono", "normalized", "single_waveforms", "waveform_tensor"]

LEAST_VARIANCE = 1e-7
"""Added to the variance, so that silence stays silent."""


def is_numbers(value: Any) -> bool:
    """Return whether a value is an array, a tensor, or a list that begins with a number or one."""
    if _is_array(value):
        return True
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    return not value or isinstance(value[0], int | float) or is_numbers(value[0])


def single_waveforms(audio: Any) -> list[Any]:
    """Return the single waveforms of one, or of a batch of them, in order.

    A two-dimensional array is a batch, as is a list of anything but numbers.
    """
    if _is_array(audio):
        return list(audio) if audio.ndim > 1 else [audio]
    if isinstance(audio, list | tuple) and audio and not _is_number(audio[0]):
        return list(audio)
    return [audio]


def waveform_tensor(audio: Any, *, channels: bool = False) -> Tensor:
    """Return a waveform ``(samples,)`` in single precision; numbers keep their scale.

    ``audio`` is an array, a tensor or a list of numbers. With ``channels`` it may be
    ``(channels, samples)``. Raises `InputError` for what is no waveform, and for values that are
    infinite or no numbers.
    """
    if not is_numbers(audio):
        raise InputError(
            f"a waveform is an array, a tensor or a list of numbers, got {type(audio).__name__} "
            f"{shown(audio)}"
        )
    if _is_numpy(audio):
        samples = torch.from_numpy(audio.astype("float32"))
    else:
        try:
            samples = torch.as_tensor(audio, dtype=torch.float32).detach()
        except (TypeError, ValueError) as error:
            raise InputError(f"a waveform cannot be read: {error}") from error
    if samples.ndim != 1 and not (channels and samples.ndim == 2):
        raise InputError(
            f"a waveform has one channel, and so one axis, not the shape {tuple(samples.shape)}: "
            "automodel_core.audio.mono mixes (channels, samples) down"
        )
    if not bool(samples.isfinite().all()):
        raise InputError("a waveform has values that are infinite, or no numbers (NaN)")
    return samples


def mono(audio: Any) -> Tensor:
    """Return ``(samples,)``: the mean of the channels of ``(channels, samples)``."""
    samples = waveform_tensor(audio, channels=True)
    return samples if samples.ndim == 1 else samples.mean(dim=0)


def normalized(waveform: Tensor, heard: Tensor | None = None, padding_value: float = 0.0) -> Tensor:
    """Return a waveform ``(samples,)`` of mean 0 and variance 1.

    Samples whose ``heard`` is 0 do not count, and become ``padding_value``.
    """
    counted = waveform if heard is None else waveform[heard.bool()]
    scale = (counted.var(correction=0) + LEAST_VARIANCE).sqrt()
    result = (waveform - counted.mean()) / scale
    return result if heard is None else result.masked_fill(~heard.bool(), padding_value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (_is_array(value) and not value.ndim)


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or _is_numpy(value)


def _is_numpy(value: Any) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray | numpy.generic)
