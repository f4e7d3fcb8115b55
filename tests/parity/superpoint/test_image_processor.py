"""The image processor equals the reference's Pillow one, and reads each other's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import automodel_superpoint
from automodel_core import AutoImageProcessor
from parity.superpoint.cases import FEW, SUPERPOINT
from support.parity import IS_5

if IS_5:
    from transformers.models.superpoint.image_processing_pil_superpoint import (
        SuperPointImageProcessorPil as Reference,
    )
else:
    from transformers import SuperPointImageProcessor as Reference

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "grey": {"do_grayscale": True, "size": {"height": 30, "width": 20}},
    "grey, in whole numbers": {"do_grayscale": True, "do_resize": False, "do_rescale": False},
    "as it is": {"do_resize": False, "do_rescale": False},
    "nearest": {"size": {"height": 16, "width": 24}, "resample": 0},
}


def drawn(height: int, width: int) -> Any:
    numbers = np.random.default_rng(height)
    return numbers.integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(processor: Any, images: Any, **settings: Any) -> torch.Tensor:
    found: torch.Tensor = processor(images, return_tensors="pt", **settings)["pixel_values"]
    return found.double()


@pytest.mark.parametrize("name", SETTINGS)
def test_pictures_become_the_same_numbers(name: str) -> None:
    ours, theirs = (
        kind(**SETTINGS[name])
        for kind in (automodel_superpoint.SuperPointImageProcessor, Reference)
    )
    for picture in (drawn(41, 50), drawn(41, 50)[..., :1].repeat(3, axis=2)):
        for image in (Image.fromarray(picture), picture, torch.tensor(picture).permute(2, 0, 1)):
            found, expected = pixels(ours, image), pixels(theirs, image)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * found.max().item())


@pytest.mark.parametrize("name", SETTINGS)
def test_files_go_both_ways(name: str, tmp_path: Path) -> None:
    theirs, picture = Reference(**SETTINGS[name]), Image.fromarray(drawn(41, 50))
    expected = pixels(theirs, picture)
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is automodel_superpoint.SuperPointImageProcessor
    found.save_pretrained(tmp_path / "ours")
    back = transformers.AutoImageProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    for each in (found, back):
        made = pixels(each, picture)
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-4 * made.max().item())


@torch.no_grad()
def test_points_lie_at_the_same_pixels() -> None:
    ours, theirs = automodel_superpoint.SuperPointImageProcessor(), Reference()
    for case in (SUPERPOINT.cases["plain"], *FEW.values()):
        reference, model = SUPERPOINT.pair(case, "SuperPointForKeypointDetection")
        given = SUPERPOINT.batch(case, "SuperPointForKeypointDetection")
        for sizes in ([(480, 640), (33, 47), (9, 200)], torch.tensor([[48, 64]] * 3)):
            found = ours.post_process_keypoint_detection(model(**given), sizes)
            expected = theirs.post_process_keypoint_detection(reference(**given), sizes)
            for mine, other in zip(found, expected, strict=True):
                assert mine.keys() == other.keys()
                assert mine["keypoints"].dtype == other["keypoints"].dtype == torch.int32
                assert torch.equal(mine["keypoints"], other["keypoints"])
                torch.testing.assert_close(mine["descriptors"], other["descriptors"])
                torch.testing.assert_close(mine["scores"], other["scores"])


def test_defaults_are_those_of_the_reference() -> None:
    expected = Reference().to_dict()
    for key, value in automodel_superpoint.SuperPointImageProcessor().to_dict().items():
        if expected.get(key) is not None and key != "image_processor_type":
            assert value == expected[key], key
