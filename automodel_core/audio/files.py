"""Sounds in files: WAV by this module, other formats by soundfile.

Needs the extra ``automodel-core[audio]`` for formats other than WAV, and for WAV files of other
codes than plain numbers.
"""

from __future__ import annotations

import ctypes
import io
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Literal

import torch
from torch import Tensor

from automodel_core.audio.resampling import resample
from automodel_core.audio.waveforms import mono as mixed_down, waveform_tensor
from automodel_core.errors import InputError, MissingExtraError, shown

__all__ = ["Recording", "SampleFormat", "read_audio", "write_audio"]

SampleFormat = Literal["int16", "float32"]
INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
"""Codes of a WAV file's samples; the last says that the code stands further down."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A waveform, ``(samples,)`` or ``(channels, samples)`` from -1 to 1, and its rate."""

    waveform: Tensor
    sampling_rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.waveform.shape[-1] / self.sampling_rate

    def resampled(self, sampling_rate: int) -> Recording:
        """Return the recording at another rate, by `resample`."""
        waveform = resample(self.waveform, self.sampling_rate, sampling_rate)
        return Recording(waveform, sampling_rate)


def read_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, mono: bool = True
) -> Recording:
    """Return the recording in a file: its path, its bytes, or the open file.

    Several channels become their mean, unless ``mono`` is off. Raises `InputError` for what is no
    sound, `MissingExtraError` for a format that needs soundfile, which is not installed.
    """
    name, content = _content(source)
    try:
        recording = _wav(content) or _other(content, name)
    except (struct.error, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is not a sound that can be read: {error}") from error
    waveform = recording.waveform
    if mono or waveform.shape[0] == 1:
        waveform = mixed_down(waveform)
    return Recording(waveform, recording.sampling_rate)


def write_audio(
    target: str | os.PathLike[str] | BinaryIO,
    waveform: Any,
    sampling_rate: int,
    *,
    sample_format: SampleFormat = "int16",
) -> None:
    """Write a WAV file of a waveform, ``(samples,)`` or ``(channels, samples)`` from -1 to 1.

    Integers clip what is louder; ``float32`` keeps all values.
    """
    samples = waveform_tensor(waveform, channels=True).cpu()
    channels = 1 if samples.ndim == 1 else samples.shape[0]
    samples = samples.mT if samples.ndim == 2 else samples
    if sample_format == "int16":
        code, width = INTEGERS, 2
        samples = (samples * 32_768).round().clamp(-32_768, 32_767).to(torch.int16)
    elif sample_format == "float32":
        code, width = FLOATS, 4
    else:
        raise InputError(f"sample_format={shown(sample_format)} is not 'int16' or 'float32'")
    samples = samples.contiguous()
    data = ctypes.string_at(samples.data_ptr(), samples.nbytes)
    frame = channels * width
    layout = struct.pack(
        "<HHIIHH", code, channels, sampling_rate, sampling_rate * frame, frame, 8 * width
    )
    body = _chunk(b"fmt ", layout) + _chunk(b"data", data)
    content = _chunk(b"RIFF", b"WAVE" + body)
    if isinstance(target, str | os.PathLike):
        Path(target).write_bytes(content)
    else:
        target.write(content)


def _content(source: str | os.PathLike[str] | bytes | BinaryIO) -> tuple[str, bytes]:
    """Return what a source is called in messages, and the bytes in it."""
    if isinstance(source, bytes):
        return "the audio", source
    if not isinstance(source, str | os.PathLike):
        return "the audio", source.read()
    name = shown(os.fspath(source))
    try:
        return name, Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"the audio file {name} cannot be opened: {error}") from error


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the parts of a RIFF file; the last may say that it is longer than the file."""
    view, place = memoryview(content), 12
    while place + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, place)
        yield name, view[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _wav(content: bytes) -> Recording | None:
    """Return the recording in a WAV file of plain numbers, or ``None`` for other files."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    layout = None
    for name, chunk in _chunks(content):
        if name == b"fmt ":
            layout = chunk
        elif name == b"data" and layout is not None:
            return _samples(layout, chunk)
    raise InputError("a WAV file without samples cannot be read")


def _samples(layout: memoryview, data: memoryview) -> Recording | None:
    code, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", layout)
    if code == EXTENSIBLE:
        (code,) = struct.unpack_from("<H", layout, 24)
    if not channels or not rate or frame != channels * (bits // 8):
        raise InputError(
            f"a WAV file has {channels} channels of {bits} bits in {frame} bytes, {rate} times a "
            "second: its header is damaged"
        )
    decode = DECODERS.get((code, bits))
    if decode is None:
        return None
    whole = data[: len(data) // frame * frame]
    raw = torch.frombuffer(bytearray(whole), dtype=torch.uint8) if whole else torch.zeros(0).byte()
    return Recording(decode(raw).view(-1, channels).mT, rate)


def _of_24_bits(raw: Tensor) -> Tensor:
    low, middle, high = raw.view(-1, 3).int().unbind(-1)
    value = low | middle << 8 | high << 16
    return torch.where(high < 128, value, value - (1 << 24)).float() / 2**23


def _other(content: bytes, name: str) -> Recording:
    """Return the recording in a file of another format, by soundfile."""
    try:
        soundfile: Any = import_module("soundfile")
    except ImportError as error:
        raise MissingExtraError(
            f"{name} is no WAV file of plain numbers; other formats need soundfile: "
            "pip install 'automodel-core[audio]'"
        ) from error
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return Recording(torch.from_numpy(samples).mT, rate)


DECODERS: Mapping[tuple[int, int], Callable[[Tensor], Tensor]] = {
    (INTEGERS, 8): lambda raw: (raw.float() - 128) / 128,
    (INTEGERS, 16): lambda raw: raw.view(torch.int16).float() / 2**15,
    (INTEGERS, 24): _of_24_bits,
    (INTEGERS, 32): lambda raw: (raw.view(torch.int32).double() / 2**31).float(),
    (FLOATS, 32): lambda raw: raw.view(torch.float32),
    (FLOATS, 64): lambda raw: raw.view(torch.float64).float(),
}
"""Samples from -1 to 1 of the bytes of plain numbers, by their code and bits."""
