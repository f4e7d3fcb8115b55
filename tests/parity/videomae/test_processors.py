"""The processors equal the reference's Pillow one, and read each other's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import automodel_videomae
from automodel_core import AutoImageProcessor, AutoVideoProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.videomae.image_processing_pil_videomae import (
        VideoMAEImageProcessorPil as Reference,
    )
else:
    from transformers import VideoMAEImageProcessor as Reference

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "small": {"size": 20, "crop_size": 16, "resample": 3},
    "a fixed size": {"size": {"height": 9, "width": 14}, "do_center_crop": False},
    "own numbers": {"size": 9, "crop_size": 9, "image_mean": [0.1, 0.2, 0.3], "image_std": 0.4},
    "as they are": {"do_resize": False, "do_center_crop": False, "do_rescale": False},
}
# What transformers 5 writes for the video processor, which it makes only where torchvision is.
NEWER = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "do_sample_frames": False,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
    "video_processor_type": "VideoMAEVideoProcessor",
}


def drawn(*shape: int) -> Any:
    numbers = np.random.default_rng(shape[0])
    return numbers.integers(0, 256, (*shape, 3), dtype=np.uint8)


def pixels(processor: Any, videos: Any, **settings: Any) -> torch.Tensor:
    found: torch.Tensor = processor(videos, return_tensors="pt", **settings)["pixel_values"]
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_videos_become_the_same_numbers(name: str) -> None:
    ours, theirs = (
        kind(**SETTINGS[name]) for kind in (automodel_videomae.VideoMAEImageProcessor, Reference)
    )
    video = list(drawn(3, 30, 41))
    kinds: list[Any] = [video, [Image.fromarray(frame) for frame in video], [video, video[::-1]]]
    kinds.append([torch.tensor(frame).permute(2, 0, 1) for frame in video])
    for given in kinds:
        assert torch.equal(pixels(ours, given), pixels(theirs, given))


def test_a_call_overrides_the_same_settings() -> None:
    ours, theirs = automodel_videomae.VideoMAEImageProcessor(), Reference()
    for settings in ({"size": {"shortest_edge": 9}, "crop_size": 7}, {"do_normalize": False}):
        video = list(drawn(2, 30, 41))
        assert torch.equal(pixels(ours, video, **settings), pixels(theirs, video, **settings))


@pytest.mark.parametrize("name", SETTINGS)
def test_files_go_both_ways(name: str, tmp_path: Path) -> None:
    theirs, video = Reference(**SETTINGS[name]), list(drawn(3, 30, 41))
    expected = pixels(theirs, video)
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is automodel_videomae.VideoMAEImageProcessor
    assert torch.equal(pixels(found, video), expected)
    as_video = AutoVideoProcessor.from_pretrained(tmp_path / "theirs")
    assert type(as_video) is automodel_videomae.VideoMAEVideoProcessor
    assert torch.equal(pixels(as_video, video), expected)
    found.save_pretrained(tmp_path / "ours")
    back = transformers.AutoImageProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    assert torch.equal(pixels(back, video), expected)


def test_defaults_are_those_of_the_reference() -> None:
    expected = Reference().to_dict()
    for key, value in automodel_videomae.VideoMAEImageProcessor().to_dict().items():
        if key in expected and key != "image_processor_type":
            other = expected[key]
            assert value == (list(other) if isinstance(other, tuple) else other), key


def test_files_of_video_processors(tmp_path: Path) -> None:
    (tmp_path / "video_preprocessor_config.json").write_text(json.dumps(NEWER), "utf-8")
    found = AutoVideoProcessor.from_pretrained(tmp_path)
    assert type(found) is automodel_videomae.VideoMAEVideoProcessor
    settings = {"image_mean": NEWER["image_mean"], "image_std": NEWER["image_std"]}
    video = list(drawn(2, 230, 240))
    assert torch.equal(pixels(found, video), pixels(Reference(**settings), video))
    found.save_pretrained(tmp_path / "again")
    file = tmp_path / "again" / "video_preprocessor_config.json"
    written = json.loads(file.read_text("utf-8"))
    assert written == {k: v for k, v in NEWER.items() if k != "do_sample_frames"}
