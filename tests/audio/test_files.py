"""WAV files of every code of plain numbers are read, other formats by soundfile; WAV is written."""

from __future__ import annotations

import builtins
import io
import struct
import sys
import wave
from pathlib import Path

import pytest
import torch

from automodel_core.audio import Recording, read_audio, write_audio
from automodel_core.errors import InputError, MissingExtraError

SOUND = torch.tensor([0.0, 0.5, -0.5, 0.25, -1.0])


def pcm(width: int, frames: bytes, channels: int = 1, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", ""))
        writer.writeframes(frames)
    return file.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_integers_of_all_widths(width: int) -> None:
    largest = 1 << (8 * width - 1)
    numbers = [int(value * largest) for value in SOUND]
    if width == 1:
        frames = bytes(number + 128 for number in numbers)
    else:
        frames = b"".join(number.to_bytes(width, "little", signed=True) for number in numbers)
    recording = read_audio(pcm(width, frames))
    assert recording.sampling_rate == 8000
    assert recording.waveform.equal(SOUND)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [32, 64])
def test_floats(bits: int, extensible: bool) -> None:
    data = struct.pack(f"<{len(SOUND)}{'fd'[bits // 64]}", *SOUND.tolist())
    code = 0xFFFE if extensible else 3
    layout = struct.pack("<HHIIHH", code, 1, 16_000, 2000 * bits, bits // 8, bits)
    if extensible:
        layout += struct.pack("<HHIH14s", 22, bits, 0, 3, b"")
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body = b"fmt " + struct.pack("<I", len(layout)) + layout + odd
    # A file that was written to a pipe does not know its length.
    body += b"data" + struct.pack("<I", 0xFFFF_FFFF) + data
    content = b"RIFF" + struct.pack("<I", 0xFFFF_FFFF) + b"WAVE" + body
    assert read_audio(io.BytesIO(content)).waveform.equal(SOUND)


def test_channels() -> None:
    stereo = pcm(2, struct.pack("<6h", 16_384, 0, -16_384, 16_384, 0, 8192), channels=2)
    assert read_audio(stereo).waveform.tolist() == [0.25, 0.0, 0.125]
    both = read_audio(stereo, mono=False)
    assert both.waveform.tolist() == [[0.5, -0.5, 0.0], [0.0, 0.5, 0.25]]
    assert both.duration == 3 / 8000


@pytest.mark.parametrize("sample_format", ["int16", "float32"])
@pytest.mark.parametrize("channels", [1, 2])
def test_written_files_are_read_back(tmp_path: Path, channels: int, sample_format: str) -> None:
    waveform = torch.rand(channels, 1001) * 2 - 1
    waveform = waveform[0] if channels == 1 else waveform
    write_audio(tmp_path / "a.wav", waveform, 22_050, sample_format=sample_format)  # type: ignore[arg-type]
    recording = read_audio(tmp_path / "a.wav", mono=channels == 1)
    assert recording.sampling_rate == 22_050
    assert recording.waveform.allclose(waveform, rtol=0, atol=2**-15)
    if sample_format == "int16":
        with wave.open(str(tmp_path / "a.wav")) as reader:
            assert (reader.getnchannels(), reader.getnframes()) == (channels, 1001)


def test_what_is_too_loud_is_clipped() -> None:
    file = io.BytesIO()
    write_audio(file, [2.0, -2.0, 1.0], 8000)
    assert read_audio(file.getvalue()).waveform.tolist() == [32_767 / 32_768, -1.0, 32_767 / 32_768]


def test_other_formats(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    tone = torch.sin(torch.arange(16_000) * 0.1) * 0.5
    for name in ("a.flac", "a.ogg", "a.aiff"):
        soundfile.write(tmp_path / name, tone.numpy(), 16_000)
        recording = read_audio(tmp_path / name)
        assert recording.sampling_rate == 16_000
        assert recording.waveform[1000:-1000].allclose(tone[1000:-1000], rtol=0, atol=0.05)
    soundfile.write(tmp_path / "law.wav", tone.numpy(), 16_000, subtype="ULAW")
    assert read_audio(tmp_path / "law.wav").waveform.allclose(tone, rtol=0, atol=0.02)


def test_other_formats_need_soundfile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match=r"automodel-core\[audio\]"):
        read_audio(b"fLaC" + b"\0" * 100)


def test_what_is_no_sound(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing.wav' cannot be opened"):
        read_audio(tmp_path / "nothing.wav")
    whole = pcm(2, b"\0" * 100)
    for content in (whole[:30], whole[:36], whole.replace(b"data", b"dota")):
        with pytest.raises(InputError, match=r"cannot be read|without samples"):
            read_audio(content)
    no_rate = whole.replace(struct.pack("<I", 8000), b"\0\0\0\0")
    with pytest.raises(InputError, match="0 times a second"):
        read_audio(no_rate)
    with pytest.raises(InputError, match="sample_format='mp3'"):
        write_audio(io.BytesIO(), SOUND, 8000, sample_format="mp3")  # type: ignore[arg-type]


def test_a_recording_without_samples() -> None:
    assert read_audio(pcm(2, b"")).waveform.tolist() == []


def test_numpy_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        assert not name.startswith("numpy"), "NumPy was imported"
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    file = io.BytesIO()
    write_audio(file, SOUND, 8000)
    assert isinstance(read_audio(file.getvalue()).resampled(16_000), Recording)
