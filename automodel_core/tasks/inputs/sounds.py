"""Sounds as calls are given them: files, addresses, bytes, arrays, and dicts with their rate."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from automodel_core.audio.files import Recording, read_audio
from automodel_core.audio.waveforms import mono, waveform_tensor
from automodel_core.errors import InputError
from automodel_core.tasks.inputs.fetching import fetch, is_address

__all__ = ["recording"]

SAMPLES = ("raw", "array")
"""The keys of a dict that hold samples."""
FILES = ("bytes", "path")
"""Those that hold a file, or say where one is."""


def recording(source: Any, sampling_rate: int, *, timeout: float | None = None) -> Recording:
    """Return a sound of one channel, at the rate that it has.

    ``source`` is the path, the address (``timeout`` bounds the seconds that it may take) or the
    bytes of a file, an array or tensor ``(samples,)`` or ``(channels, samples)`` at
    ``sampling_rate``, a dict with ``raw`` or ``array`` and their ``sampling_rate``, as datasets
    have, or a decoder of torchcodec. Raises `InputError` for anything else.
    """
    if isinstance(source, str) and is_address(source):
        return read_audio(fetch(source, timeout=timeout))
    if isinstance(source, str | os.PathLike | bytes | bytearray):
        return read_audio(bytes(source) if isinstance(source, bytearray) else source)
    if isinstance(source, Mapping):
        return _of_dict(source, sampling_rate, timeout)
    if isinstance(source, _decoder_class()):
        samples = source.get_all_samples()
        return Recording(_mixed(samples.data), int(samples.sample_rate))
    return Recording(_mixed(source), sampling_rate)


def _of_dict(source: Mapping[str, Any], sampling_rate: int, timeout: float | None) -> Recording:
    samples = next((source[key] for key in SAMPLES if source.get(key) is not None), None)
    if samples is not None:
        rate = source.get("sampling_rate")
        if not isinstance(rate, int):
            raise InputError("a dict with the samples of a sound needs their sampling_rate")
        return Recording(_mixed(samples), rate)
    file = next((source[key] for key in FILES if source.get(key) is not None), None)
    if file is None:
        raise InputError(
            f"a sound as a dict has one of {', '.join((*SAMPLES, *FILES))}, got "
            f"{', '.join(map(str, source)) or 'none'}"
        )
    return recording(file, sampling_rate, timeout=timeout)


def _mixed(samples: Any) -> Tensor:
    """Return samples of one channel, of those that are first of two axes."""
    waveform = waveform_tensor(samples, channels=True)
    if waveform.dim() == 2 and waveform.shape[0] > max(waveform.shape[1], 2):
        raise InputError(
            f"samples are (channels, samples), and {waveform.shape[0]} channels of "
            f"{waveform.shape[1]} are none: transpose the array"
        )
    return mono(waveform)


def _decoder_class() -> tuple[type[Any], ...]:
    """Return the class of torchcodec's decoders, where it has been imported."""
    module: Any = sys.modules.get("torchcodec.decoders")
    return () if module is None else (module.AudioDecoder,)
