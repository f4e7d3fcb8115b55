"""The extractor of raw samples equals the reference's, call by call and file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor as Reference

from automodel_core.audio import WaveformFeatureExtractor

SETTINGS: dict[str, dict[str, Any]] = {
    "without masks": {"return_attention_mask": False},
    "with masks": {"return_attention_mask": True},
    "as they are": {"return_attention_mask": True, "do_normalize": False, "padding_value": -2.0},
    "before the sound": {
        "return_attention_mask": False, "padding_side": "left", "do_normalize": False,
    },
}  # fmt: skip
CALLS: dict[str, dict[str, Any]] = {
    "longest": {"padding": True},
    "by name": {"padding": "longest", "return_attention_mask": True},
    "to a length": {"padding": "max_length", "max_length": 1100},
    "cut": {"padding": True, "truncation": True, "max_length": 700},
    "cut alone": {"truncation": True, "max_length": 700},
    "in multiples": {"padding": True, "pad_to_multiple_of": 128},
    "cut in multiples": {
        "padding": "max_length", "max_length": 700, "truncation": True, "pad_to_multiple_of": 128,
    },
    "ragged": {"padding": False},
}  # fmt: skip
GENERATOR = np.random.default_rng(0)
WAVEFORMS = [GENERATOR.standard_normal(size).astype("float32") + 0.3 for size in (900, 400, 650)]
INPUTS: dict[str, Any] = {
    "one": WAVEFORMS[0],
    "several": WAVEFORMS,
    "numbers": WAVEFORMS[1].tolist(),
    "lists of numbers": [row.tolist() for row in WAVEFORMS],
    "an array": np.stack([row[:400] for row in WAVEFORMS]),
    "doubles": WAVEFORMS[0].astype("float64"),
    "integers": (WAVEFORMS[0] * 1000).astype("int16"),
}


def pair(settings: dict[str, Any]) -> tuple[WaveformFeatureExtractor, Any]:
    return WaveformFeatureExtractor(**settings), Reference(**settings)


def assert_same(found: Any, expected: Any) -> None:
    assert set(found) == set(expected)
    for name, rows in expected.items():
        assert len(found[name]) == len(rows)
        for ours, theirs in zip(found[name], rows, strict=True):
            assert tuple(ours.shape) == tuple(theirs.shape)
            assert np.allclose(np.asarray(ours), np.asarray(theirs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", SETTINGS)
def test_calls(name: str, call: str) -> None:
    ours, theirs = pair(SETTINGS[name])
    if SETTINGS[name].get("padding_side") == "left" and "return_attention_mask" in CALLS[call]:
        return  # docs/differences.md
    for given in INPUTS.values():
        arguments = {**CALLS[call], "sampling_rate": 16_000}
        assert_same(ours(given, **arguments), theirs(given, **arguments))


def test_tensors() -> None:
    ours, theirs = pair({"return_attention_mask": True})
    for kind in ("pt", "np"):
        found = ours(WAVEFORMS, padding=True, return_tensors=kind, sampling_rate=16_000)
        expected = theirs(WAVEFORMS, padding=True, return_tensors=kind, sampling_rate=16_000)
        assert_same(found, expected)
        for name, values in expected.items():
            assert type(found[name]) is type(values)
            assert found[name].dtype == values.dtype


@pytest.mark.parametrize("feature_size", [1, 5])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_alone(side: str, feature_size: int) -> None:
    settings = {"padding_side": side, "feature_size": feature_size, "padding_value": 2.0}
    ours, theirs = pair({**settings, "return_attention_mask": False})
    shape = () if feature_size == 1 else (feature_size,)
    rows = [torch.randn(length, *shape) for length in (7, 4, 9)]
    masks = [torch.ones(len(row), dtype=torch.int32) for row in rows]
    masks[1][0] = 0
    for features in (
        {"input_values": rows},
        [{"input_values": row} for row in rows],
        {"input_values": rows, "attention_mask": masks},
    ):
        for arguments in (
            {},
            {"padding": "max_length", "max_length": 12, "return_attention_mask": True},
            {"max_length": 5, "truncation": True, "pad_to_multiple_of": 4},
        ):
            call: Any = {**arguments, "return_tensors": "pt"}
            if "attention_mask" in features:  # which it pads on request only
                call["return_attention_mask"] = True
            expected = theirs.pad(_copied(features), **call)
            assert_same(ours.pad(features, **call), expected)


def _copied(features: Any) -> Any:
    return dict(features) if isinstance(features, dict) else [dict(row) for row in features]


@pytest.mark.parametrize("name", SETTINGS)
def test_files(name: str, tmp_path: Path) -> None:
    ours, theirs = pair(SETTINGS[name])
    theirs.save_pretrained(tmp_path / "theirs")
    read = WaveformFeatureExtractor.from_pretrained(tmp_path / "theirs")
    named = {**read.to_dict(), "feature_extractor_type": "Wav2Vec2FeatureExtractor"}
    assert named == _settings(theirs)
    ours.save_pretrained(tmp_path / "ours")
    assert _settings(Reference.from_pretrained(tmp_path / "ours")) == _settings(theirs)


def _settings(extractor: Reference) -> dict[str, Any]:
    settings: dict[str, Any] = extractor.to_dict()
    settings.pop("_processor_class", None)  # version 4 shows it, and keeps it out of files
    return settings
