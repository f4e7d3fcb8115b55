"""Image processors equal the reference's Pillow ones to the last bit, and read each other's files.

Where the two versions of the reference differ, it is said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import automodel_clip
import automodel_donut
import automodel_siglip
import automodel_vit
from automodel_core import AutoImageProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.clip.image_processing_pil_clip import (
        CLIPImageProcessorPil as ReferenceCLIP,
    )
    from transformers.models.deit.image_processing_pil_deit import (
        DeiTImageProcessorPil as ReferenceDeiT,
    )
    from transformers.models.donut.image_processing_pil_donut import (
        DonutImageProcessorPil as ReferenceDonut,
    )
    from transformers.models.siglip.image_processing_pil_siglip import (
        SiglipImageProcessorPil as ReferenceSiglip,
    )
    from transformers.models.vit.image_processing_pil_vit import (
        ViTImageProcessorPil as ReferenceViT,
    )
else:
    from transformers import (
        CLIPImageProcessor as ReferenceCLIP,
        DeiTImageProcessor as ReferenceDeiT,
        DonutImageProcessor as ReferenceDonut,
        ViTImageProcessor as ReferenceViT,
    )

KINDS = {
    "vit": (automodel_vit.ViTImageProcessor, ReferenceViT),
    "deit": (automodel_vit.DeiTImageProcessor, ReferenceDeiT),
    "clip": (automodel_clip.CLIPImageProcessor, ReferenceCLIP),
}
if IS_5:  # 4 takes tables of height and width alone
    KINDS["siglip"] = (automodel_siglip.SiglipImageProcessor, ReferenceSiglip)
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "small": {"size": {"height": 20, "width": 34}},
    "old size": {"size": 31},
    "nearest": {"size": 31, "resample": 0},
    "lanczos": {"size": 40, "resample": 1},
    "bicubic": {"size": 77, "resample": 3},
    "box": {"size": 13, "resample": 4},
    "hamming": {"size": 13, "resample": 5},
    "own numbers": {"size": 9, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.3, 0.2, 0.1]},
    "one number": {"size": 9, "image_mean": 0.4, "image_std": 0.3},
    "not resized": {"do_resize": False, "do_center_crop": False},
    "not rescaled": {"size": 9, "do_rescale": False},
    "not normalised": {"size": 9, "do_normalize": False},
    "other factor": {"size": 9, "rescale_factor": 1 / 127.5},
    "cropped to more than there is": {"size": 9, "crop_size": {"height": 12, "width": 5}},
    "in rgb": {"size": 9, "do_convert_rgb": True},
}
SHAPES = ((47, 61), (5, 100), (100, 5), (9, 9))


def drawn(height: int, width: int, channels: int = 3) -> Any:
    numbers = np.random.default_rng(height * 1000 + width)
    return numbers.integers(0, 256, (height, width, channels), dtype=np.uint8)


def pixels(processor: Any, images: Any, **settings: Any) -> torch.Tensor:
    found: torch.Tensor = processor(images, return_tensors="pt", **settings)["pixel_values"]
    return found


@pytest.mark.parametrize("model_type", KINDS)
@pytest.mark.parametrize("name", SETTINGS)
def test_pictures_of_eight_bits_become_the_same_numbers(model_type: str, name: str) -> None:
    settings = SETTINGS[name]
    ours, theirs = (kind(**settings) for kind in KINDS[model_type])
    for shape in SHAPES:
        picture = drawn(*shape)
        for image in (
            Image.fromarray(picture), picture, picture.transpose(2, 0, 1), torch.tensor(picture)
        ):  # fmt: skip
            assert torch.equal(pixels(ours, image), pixels(theirs, image))


@pytest.mark.parametrize("model_type", KINDS)
def test_a_call_overrides_the_same_settings(model_type: str) -> None:
    ours, theirs = (kind() for kind in KINDS[model_type])
    images = [Image.fromarray(drawn(20, 30)), Image.fromarray(drawn(30, 20))]
    for settings in ({"size": {"height": 7, "width": 11}, "resample": 2}, {"do_normalize": False}):
        found = pixels(ours, images, **settings)
        assert torch.equal(found, pixels(theirs, images, **settings))
    last = ours(images, data_format="channels_last", return_tensors="np")["pixel_values"]
    assert last.shape[-1] == 3
    if not IS_5:  # which always puts the channels first
        expected = theirs(images, data_format="channels_last", return_tensors="np")["pixel_values"]
        assert np.array_equal(last, expected)


PAGES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "small": {"size": {"height": 64, "width": 48}},
    "width and height": {"size": [48, 64]},
    "turned": {"size": {"height": 64, "width": 48}, "do_align_long_axis": True},
    "turned to be wide": {"size": {"height": 30, "width": 48}, "do_align_long_axis": True},
    "not resized": {"size": {"height": 120, "width": 110}, "do_resize": False},
    "not padded": {"size": {"height": 64, "width": 48}, "do_pad": False},
    "bicubic": {"size": {"height": 64, "width": 48}, "resample": 3},
    "own numbers": {"size": {"height": 64, "width": 48}, "image_mean": [0.1, 0.2, 0.3]},
}
if IS_5:  # 4 cuts nothing out
    PAGES["the middle of it"] = {**PAGES["small"], "do_center_crop": True, "crop_size": 30}


@pytest.mark.parametrize("name", PAGES)
def test_pages_become_the_same_numbers(name: str) -> None:
    """5.x makes thumbnails by another filter, and in one step, as no checkpoint was trained with.

    So what it makes is compared where the page fits without.
    """
    settings = PAGES[name]
    ours, theirs = automodel_donut.DonutImageProcessor(**settings), ReferenceDonut(**settings)
    compared = 0
    for shape in ((100, 75), (75, 100), (110, 82), (41, 33), (100, 20)):
        page = Image.fromarray(drawn(*shape))
        found = pixels(ours, page)
        if IS_5 and not fits(ours, *shape):
            continue
        assert torch.equal(found, pixels(theirs, page)), shape
        compared += 1
    assert compared >= (1 if IS_5 else 5)


def fits(processor: Any, height: int, width: int) -> bool:
    """Return whether a page of that size needs no thumbnail."""
    page_height, page_width = processor.size["height"], processor.size["width"]
    if processor.do_align_long_axis and (height - width) * (page_height - page_width) < 0:
        height, width = width, height
    if processor.do_resize:
        scale = min(page_height, page_width) / min(height, width)
        height, width = int(height * scale), int(width * scale)
    return height <= page_height and width <= page_width


@pytest.mark.parametrize("name", ["small", "turned"])
def test_files_of_pages_go_both_ways(name: str, tmp_path: Path) -> None:
    page = Image.fromarray(drawn(64, 48))
    theirs = ReferenceDonut(**PAGES[name])
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is automodel_donut.DonutImageProcessor
    assert torch.equal(pixels(found, page), pixels(theirs, page))
    found.save_pretrained(tmp_path / "ours")
    back = transformers.AutoImageProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    assert torch.equal(pixels(back, page), pixels(theirs, page))


def test_floats_are_not_rounded_to_eight_bits_on_the_way() -> None:
    """The reference's Pillow processor cuts them to 256 steps, its torchvision one does not."""
    picture = drawn(47, 61).transpose(2, 0, 1) / 255
    settings = {"size": 20, "do_rescale": False, "do_normalize": False}
    ours, theirs = (kind(**settings) for kind in KINDS["vit"])
    expected, found = pixels(theirs, picture), pixels(ours, picture)
    assert 0 < (found - expected).abs().max() <= 2 / 255
    exact = torch.nn.functional.interpolate(
        torch.tensor(picture, dtype=torch.float32)[None], (20, 20), mode="bilinear", antialias=True
    )
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-5)


def test_grey_and_transparent_pictures_in_rgb() -> None:
    ours, theirs = (kind(size=9, do_convert_rgb=True) for kind in KINDS["vit"])
    grey = Image.fromarray(drawn(20, 30)).convert("L")
    assert torch.equal(pixels(ours, grey), pixels(theirs, grey))
    clear = Image.fromarray(drawn(20, 30, 4))
    if IS_5:  # on white; 4.x shows what lies under transparent pixels
        assert torch.equal(pixels(ours, clear), pixels(theirs, clear))
    solid = clear.copy()
    solid.putalpha(255)
    assert torch.equal(pixels(ours, solid), pixels(theirs, solid))


@pytest.mark.parametrize("model_type", KINDS)
@pytest.mark.parametrize("name", ["defaults", "own numbers", "not rescaled"])
def test_files_go_both_ways(model_type: str, name: str, tmp_path: Path) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in KINDS[model_type])
    image = Image.fromarray(drawn(40, 30))
    expected = pixels(theirs, image)
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is type(ours)
    assert torch.equal(pixels(found, image), expected)
    found.save_pretrained(tmp_path / "ours")
    back = transformers.AutoImageProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    assert torch.equal(pixels(back, image), expected)
    for key, value in theirs.to_dict().items():
        if value is not None and key != "image_processor_type":
            ours_value = found.to_dict().get(key, value)
            assert ours_value == (list(value) if isinstance(value, tuple) else value), key


def test_defaults_are_those_of_the_reference() -> None:
    for ours, theirs in KINDS.values():
        expected = theirs().to_dict()
        for key, value in ours().to_dict().items():
            if key in expected and key != "image_processor_type":
                other = expected[key]
                assert value == (list(other) if isinstance(other, tuple) else other), key
