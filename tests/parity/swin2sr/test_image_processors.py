"""The image processor equals the reference's: pixels, sizes, settings of a call, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core import AutoImageProcessor
from automodel_swin2sr import Swin2SRImageProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.swin2sr.image_processing_pil_swin2sr import (
        Swin2SRImageProcessorPil as Reference,
    )
else:
    from transformers import Swin2SRImageProcessor as Reference

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "wide windows": {"size_divisor": 12},
    "not padded": {"do_pad": False},
    "values as they are": {"do_rescale": False},
    "another scale": {"rescale_factor": 1 / 127.5},
}
SHAPES = ((16, 24), (13, 9), (8, 31), (5, 4))


def drawn(height: int, width: int) -> Any:
    chance = np.random.default_rng(height)
    return Image.fromarray(chance.integers(0, 256, (height, width, 3), dtype=np.uint8))


def pixels(processor: Any, image: Any, **options: Any) -> torch.Tensor:
    found: torch.Tensor = processor(image, return_tensors="pt", **options)["pixel_values"]
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SETTINGS)
def test_pixels(name: str, shape: tuple[int, int]) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in (Swin2SRImageProcessor, Reference))
    image = drawn(*shape)
    for each in (image, np.asarray(image), [image, image]):
        found, expected = pixels(ours, each), pixels(theirs, each)
        assert found.shape == expected.shape
        torch.testing.assert_close(found.float(), expected.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "options", [{"do_pad": False}, {"do_rescale": False}, {"size_divisor": 5}], ids=str
)
def test_settings_of_a_call(options: dict[str, Any]) -> None:
    image = drawn(14, 17)
    found = pixels(Swin2SRImageProcessor(), image, **options)
    expected = pixels(Reference(), image, **options)
    torch.testing.assert_close(found.float(), expected.float(), atol=1e-6, rtol=0)


def test_images_of_several_sizes_are_a_list() -> None:
    images = [drawn(9, 12), drawn(16, 10)]
    found, expected = (
        kind()(images)["pixel_values"] for kind in (Swin2SRImageProcessor, Reference)
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other))


def test_files_go_both_ways(tmp_path: Path) -> None:
    Reference(size_divisor=6).save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs" / "config.json").write_text('{"model_type": "swin2sr"}')
    ours: Any = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert (type(ours), ours.size_divisor) == (Swin2SRImageProcessor, 6)
    ours.save_pretrained(tmp_path / "ours")
    again = Reference.from_pretrained(tmp_path / "ours")
    image = drawn(11, 20)
    expected = pixels(Reference(size_divisor=6), image)
    for processor in (ours, again):
        torch.testing.assert_close(pixels(processor, image), expected, atol=1e-6, rtol=0)


def test_a_file_of_the_hub(tmp_path: Path) -> None:
    """The file of caidas/swin2SR-classical-sr-x2-64."""
    settings = {
        "do_pad": True, "do_rescale": True, "image_processor_type": "Swin2SRImageProcessor",
        "pad_size": 8, "rescale_factor": 0.00392156862745098,
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    ours: Any = AutoImageProcessor.from_pretrained(tmp_path)
    theirs = Reference.from_pretrained(tmp_path)
    image = drawn(10, 15)
    torch.testing.assert_close(pixels(ours, image), pixels(theirs, image), atol=1e-6, rtol=0)
