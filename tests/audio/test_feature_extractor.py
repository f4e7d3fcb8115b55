"""What a feature extractor reads and refuses, and how it pads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from automodel_core.audio import WaveformFeatureExtractor, mono, write_audio
from automodel_core.errors import ConfigurationError, InputError

EXTRACTOR = WaveformFeatureExtractor()
SOUND = torch.linspace(-1, 1, 100)


def test_inputs_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    write_audio(path, SOUND, 16_000, sample_format="float32")
    for given in (SOUND, SOUND.numpy(), SOUND.numpy()[::-1][::-1], SOUND.tolist(), path, str(path),
                  path.read_bytes(), [path], [SOUND], SOUND[None], (SOUND.tolist(),)):  # fmt: skip
        (found,) = EXTRACTOR(given)["input_values"]
        assert found.mean().item() == pytest.approx(0, abs=1e-6)
        assert found.std(correction=0).item() == pytest.approx(1, abs=1e-5)
        assert found.allclose(found[-1] * SOUND, atol=1e-5)


def test_masks_are_of_the_padded_side() -> None:
    here = WaveformFeatureExtractor(padding_side="left", padding_value=-3.0)
    features = here([SOUND, SOUND[:60] + 5], padding=True, return_tensors="pt")
    assert features["attention_mask"].tolist()[1] == [0] * 40 + [1] * 60
    row = features["input_values"][1]
    assert row[:40].eq(-3).all()
    assert row[40:].mean().item() == pytest.approx(0, abs=1e-5)


def test_rates_that_do_not_fit(tmp_path: Path) -> None:
    write_audio(tmp_path / "sound.wav", SOUND, 44_100)
    message = r"has 44100 samples a second, the model takes 16000: .*resample\(waveform, 44100, 16"
    with pytest.raises(InputError, match=message):
        EXTRACTOR(SOUND, sampling_rate=44_100)
    with pytest.raises(InputError, match=message):
        EXTRACTOR(tmp_path / "sound.wav")
    with pytest.raises(InputError, match=message):
        EXTRACTOR(tmp_path / "sound.wav", sampling_rate=16_000)


def test_settings_of_one_call() -> None:
    (found,) = EXTRACTOR(SOUND, do_normalize=False)["input_values"]
    assert found.equal(SOUND)
    with pytest.raises(InputError, match=r"no setting 'do_normalise' .did you mean 'do_normalize'"):
        EXTRACTOR(SOUND, do_normalise=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"truncation": True}, "truncation=True needs max_length"),
        ({"padding": "max_length"}, "padding='max_length' needs max_length"),
        ({"padding": "even"}, "padding='even' is not known"),
        ({"padding": False, "return_tensors": "pt"}, "rows differ in shape"),
    ],
)
def test_lengths_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EXTRACTOR([SOUND, SOUND[:50]], **arguments)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 3, 4)), r"one axis, not the shape \(3, 4\)"),
        (["not_there.wav"], "cannot be opened"),
        ([0.5, float("nan")], "infinite, or no numbers"),
        ({"array": SOUND}, "got dict"),
        ([0.5, "a"], "cannot be read"),
    ],
)
def test_what_is_no_waveform(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EXTRACTOR(given)


def test_padding_needs_the_main_input() -> None:
    with pytest.raises(InputError, match="needs 'input_values', got labels"):
        EXTRACTOR.pad({"labels": [[1]]})
    with pytest.raises(InputError, match="different numbers of rows"):
        EXTRACTOR.pad({"input_values": [[1.0]], "labels": [[1], [2]]})
    with pytest.raises(InputError, match="nothing to pad"):
        EXTRACTOR.pad([])
    assert EXTRACTOR.pad({"input_values": []})["attention_mask"] == []


def test_other_inputs_are_kept() -> None:
    rows = [{"input_values": SOUND[:7], "label": 1}, {"input_values": SOUND[:9], "label": 0}]
    padded = EXTRACTOR.pad(rows, return_tensors="pt")
    assert padded["label"].tolist() == [1, 0]
    assert padded["input_values"].shape == (2, 9)


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="sampling_rate='16000' cannot be used"):
        WaveformFeatureExtractor(sampling_rate="16000")


def test_channels_are_mixed() -> None:
    assert mono([[1.0, 0.0], [0.0, 0.5]]).tolist() == [0.5, 0.25]
    assert mono(SOUND).equal(SOUND)
