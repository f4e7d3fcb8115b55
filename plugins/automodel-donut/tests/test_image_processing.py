"""Donut's image processor: pages are turned, fitted and padded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from automodel_core import AutoFeatureExtractor, AutoImageProcessor
from automodel_core.errors import InputError
from automodel_donut import DonutImageProcessor

PAGE = torch.arange(3 * 40 * 30).view(3, 40, 30).remainder(251).to(torch.uint8) + 1
PLAIN = {"do_rescale": False, "do_normalize": False}
# preprocessor_config.json of naver-clova-ix/donut-base, as it stands on the hub.
DONUT = {
    "do_align_long_axis": False,
    "do_normalize": True,
    "do_pad": True,
    "do_resize": True,
    "do_thumbnail": True,
    "feature_extractor_type": "DonutFeatureExtractor",
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "DonutProcessor",
    "resample": 2,
    "size": [1920, 2560],
}


def pixels(processor: DonutImageProcessor, image: object) -> torch.Tensor:
    found: torch.Tensor = processor(image, return_tensors="pt").pixel_values[0]
    return found


def test_a_page_lies_in_the_middle(tmp_path: Path) -> None:
    found = pixels(DonutImageProcessor(size={"height": 50, "width": 33}, **PLAIN), PAGE)
    assert found.shape == (3, 50, 33)
    content = bytes(PAGE.permute(1, 2, 0).flatten().tolist())
    picture = Image.frombytes("RGB", (30, 40), content)
    resized = picture.resize((33, 44), Image.Resampling.BILINEAR)
    expected = torch.frombuffer(bytearray(resized.tobytes()), dtype=torch.uint8)
    assert torch.equal(found[:, 3:47], expected.view(44, 33, 3).permute(2, 0, 1))
    assert not found[:, :3].any()
    assert not found[:, 47:].any()


def test_a_page_that_is_too_high_becomes_pillows_thumbnail() -> None:
    processor = DonutImageProcessor(
        size={"height": 20, "width": 20}, do_resize=False, do_pad=False, **PLAIN
    )
    found = pixels(processor, PAGE)
    content = bytes(PAGE.permute(1, 2, 0).flatten().tolist())
    picture = Image.frombytes("RGB", (30, 40), content)
    picture.thumbnail((20, 20))
    assert found.shape == (3, picture.height, picture.width)
    expected = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    assert torch.equal(found, expected.view(picture.height, picture.width, 3).permute(2, 0, 1))


def test_the_long_axis_is_turned() -> None:
    settings = {"do_resize": False, "do_thumbnail": False, "do_pad": False, **PLAIN}
    processor = DonutImageProcessor(
        size={"height": 10, "width": 20}, do_align_long_axis=True, **settings
    )
    assert torch.equal(pixels(processor, PAGE), PAGE.rot90(-1, (1, 2)))
    wide = PAGE[:, :20]
    assert torch.equal(pixels(processor, wide), wide)
    processor.size = {"height": 20, "width": 20}
    assert torch.equal(pixels(processor, PAGE), PAGE)


def test_in_training_a_page_may_lie_anywhere() -> None:
    processor = DonutImageProcessor(size={"height": 60, "width": 30}, **PLAIN)
    torch.manual_seed(0)
    tops = set()
    for _ in range(20):
        page = processor(PAGE, random_padding=True).pixel_values[0]
        rows = page.any(dim=(0)).any(dim=1).nonzero()
        assert len(rows) == 40
        tops.add(int(rows[0]))
    assert len(tops) > 5


def test_what_cannot_be_fitted_is_named() -> None:
    settings = {"do_resize": False, "do_thumbnail": False}
    with pytest.raises(InputError, match="40 x 30 is too large to be padded to 20 x 20"):
        DonutImageProcessor(size=20, **settings)(PAGE)
    with pytest.raises(InputError, match="needs a height and a width"):
        DonutImageProcessor(size={"shortest_edge": 20})(PAGE)


def test_old_files_give_width_and_height(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(DONUT))
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is DonutImageProcessor
    assert processor.size == {"height": 2560, "width": 1920}
    assert type(AutoFeatureExtractor.from_pretrained(tmp_path)) is DonutImageProcessor
    processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert saved["size"] == {"height": 2560, "width": 1920}
    assert AutoImageProcessor.from_pretrained(tmp_path) == processor
    small = processor(PAGE, size=[15, 25], return_tensors="pt").pixel_values
    assert small.shape == (1, 3, 25, 15)
