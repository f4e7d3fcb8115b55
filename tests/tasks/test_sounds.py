"""Sounds in every form that calls are given them, and the parts of long ones."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from automodel_core import pipeline
from automodel_core.audio import write_audio
from automodel_core.errors import InputError
from automodel_core.tasks.inputs.sounds import recording
from automodel_core.tasks.sounds.spans import Span, chunk_spans, given_span

SOUND = torch.linspace(-1, 1, 200)
SPEECH = Path(__file__).parents[2] / "docs" / "demo" / "speech"


def test_every_form(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    write_audio(path, SOUND, 8000, sample_format="float32")
    content = path.read_bytes()
    for source in (path, str(path), content, bytearray(content), {"path": str(path), "bytes": None},
                   {"bytes": content, "path": None}, {"array": SOUND, "sampling_rate": 8000},
                   {"raw": SOUND.numpy(), "sampling_rate": 8000}):  # fmt: skip
        found = recording(source, 16_000)
        assert found.sampling_rate == 8000
        assert found.waveform.equal(SOUND)
    for source in (SOUND, SOUND.numpy(), SOUND[None], torch.stack([SOUND] * 2)):
        assert recording(source, 16_000).waveform.allclose(SOUND)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"array": SOUND}, "needs their sampling_rate"),
        ({"speech": SOUND}, "has one of raw, array, bytes, path, got speech"),
        (np.zeros((200, 2)), "200 channels of 2 are none: transpose"),
        (5, "got int"),
        ("nothing.wav", "cannot be opened"),
    ],
)
def test_what_is_no_sound(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recording(source, 16_000)


def test_chunks_cover_a_recording_once() -> None:
    for samples in (1, 90, 100, 1000, 1003):
        for context in (None, 1.0, (1.5, 0.5), (0.0, 2.0)):
            spans = chunk_spans(samples, (10.0, context), 10, 2)
            heard = [
                place
                for span in spans
                for place in range(span.begin + span.left, span.end - span.right)
            ]
            assert heard == list(range(samples)), (samples, context)


def test_what_counts_of_a_span() -> None:
    assert Span(0, 1000).frames(10) == slice(None)
    assert Span(500, 1500, 200, 100).frames(10) == slice(20, 90)
    item = {"array": SOUND, "sampling_rate": 8000, "stride": (20, 10)}
    assert given_span(item, torch.zeros(400), 16_000) == Span(0, 400, 40, 20)
    with pytest.raises(InputError, match=r"stride=\(300, 200\) is longer"):
        given_span({**item, "stride": (300, 200)}, torch.zeros(400), 16_000)
    with pytest.raises(InputError, match=r"chunk_length_s=1\.0 is not longer"):
        chunk_spans(100, (1.0, 0.5), 10, 1)


@pytest.mark.skipif(find_spec("pyctcdecode") is not None, reason="pyctcdecode is installed")
def test_a_language_model_that_cannot_be_used_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(SPEECH / "checkpoint", tmp_path / "checkpoint")
    for name in ("processor_config.json", "tokenizer_config.json", "preprocessor_config.json"):
        settings = json.loads((folder / name).read_text("utf-8"))
        settings["processor_class"] = "Wav2Vec2ProcessorWithLM"
        (folder / name).write_text(json.dumps(settings), encoding="utf-8")
    (folder / "alphabet.json").write_text('{"labels": [], "is_bpe": false}', encoding="utf-8")
    recognise = pipeline("automatic-speech-recognition", model=str(folder))
    assert recognise(str(SPEECH / "1.wav"))["text"] == "one hundred sixty two"
    assert "pip install" in caplog.text
    assert "pyctcdecode" in caplog.text
