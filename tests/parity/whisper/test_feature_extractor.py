"""Whisper's feature extractor and processor against the reference, call by call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from automodel_core import AutoFeatureExtractor
from automodel_whisper import WhisperFeatureExtractor

CHANCE = np.random.default_rng(0)
RATE = 4000
WAVES = [
    (0.1 * CHANCE.standard_normal(size)).astype("float32")
    for size in (3 * RATE, 2 * RATE + 77, 9 * RATE + 11)
]  # fmt: skip
INPUTS: dict[str, Any] = {
    "one": WAVES[0],
    "several": WAVES,
    "numbers": WAVES[1].tolist(),
    "an array": np.stack([WAVES[0], 2 * WAVES[0]]),
    "doubles": WAVES[1].astype("float64"),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "80 mels": {},
    "128 mels": {"feature_size": 128},
    "loud padding": {"padding_value": 0.01},
    "other frames": {"hop_length": 90, "n_fft": 256, "chunk_length": 3},
}
WHOLE = {"padding": "longest", "truncation": False, "return_attention_mask": True}
CALLS: dict[str, dict[str, Any]] = {
    "thirty seconds": {},
    "whole": WHOLE,
    "normalised": {"do_normalize": True, "return_attention_mask": True},
    "normalised whole": {**WHOLE, "do_normalize": True},
    "to a length": {"max_length": 4 * RATE + 5, "return_attention_mask": True},
    "in multiples": {**WHOLE, "pad_to_multiple_of": 1000},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("settings", SETTINGS)
def test_spectrograms(settings: str, call: str) -> None:
    more = {"sampling_rate": RATE, "chunk_length": 5, **SETTINGS[settings]}
    theirs, ours = transformers.WhisperFeatureExtractor(**more), WhisperFeatureExtractor(**more)
    assert (ours.n_samples, ours.nb_max_frames) == (theirs.n_samples, theirs.nb_max_frames)
    for name, given in INPUTS.items():
        options = {"sampling_rate": RATE, "return_tensors": "pt", **CALLS[call]}
        found, expected = (extract(given, **options) for extract in (ours, theirs))
        assert set(found) == set(expected), name
        for key, tensor in expected.items():
            assert found[key].shape == tensor.shape, (name, key)
            torch.testing.assert_close(found[key].float(), tensor.float(), rtol=0, atol=1e-5)


def test_frames_were_counted_for_timestamps() -> None:
    ours = WhisperFeatureExtractor(chunk_length=2)
    with pytest.warns(FutureWarning, match="return_attention_mask"):
        found = ours([WAVES[0], WAVES[1][:8000]], return_token_timestamps=True)
    frames = [int(mask.sum()) for mask in found["attention_mask"]]
    if transformers.__version__.startswith("4."):
        theirs = transformers.WhisperFeatureExtractor(chunk_length=2)
        expected = theirs([WAVES[0], WAVES[1][:8000]], return_token_timestamps=True)
        assert frames == expected["num_frames"]
    assert frames == [len(WAVES[0]) // 160, 50]


@pytest.mark.filterwarnings("ignore")
def test_files_go_both_ways(tmp_path: Path) -> None:
    more = {"feature_size": 40, "hop_length": 100, "sampling_rate": RATE, "dither": 0.0}
    theirs, ours = transformers.WhisperFeatureExtractor(**more), WhisperFeatureExtractor(**more)
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours")
    again = transformers.WhisperFeatureExtractor.from_pretrained(tmp_path / "ours")
    assert again.to_dict().keys() == theirs.to_dict().keys()
    assert again.nb_max_frames == theirs.nb_max_frames
    read = AutoFeatureExtractor.from_pretrained(tmp_path / "theirs")
    assert type(read) is WhisperFeatureExtractor
    assert read.to_dict() == ours.to_dict()
