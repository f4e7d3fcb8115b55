"""DPT's and BiT's image processors: sizes, padding, labels, and the files of the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_core import AutoFeatureExtractor, AutoImageProcessor
from automodel_core.errors import ConfigurationError, InputError
from automodel_dpt import BitImageProcessor, DPTImageProcessor

# preprocessor_config.json of Intel/dpt-large.
LARGE: dict[str, Any] = {
    "do_normalize": True,
    "do_resize": True,
    "ensure_multiple_of": 1,
    "feature_extractor_type": "DPTFeatureExtractor",
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "keep_aspect_ratio": False,
    "resample": 2,
    "size": 384,
}


def image(height: int, width: int) -> Tensor:
    return torch.arange(3 * height * width).remainder(251).view(3, height, width).to(torch.uint8)


@pytest.mark.parametrize(
    ("settings", "shape", "expected"),
    [
        ({"size": 30}, (20, 40), (30, 30)),
        ({"size": 30, "keep_aspect_ratio": True}, (20, 40), (15, 30)),  # 0.75 is nearer 1 than 1.5
        ({"size": 30, "keep_aspect_ratio": True}, (30, 90), (30, 90)),
        ({"size": {"height": 35, "width": 49}, "ensure_multiple_of": 14}, (9, 9), (28, 56)),
        ({"size": 32, "keep_aspect_ratio": True, "ensure_multiple_of": 14}, (40, 4), (28, 14)),
    ],
)
def test_edges_are_multiples_near_the_size(
    settings: dict[str, Any], shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Halves are rounded to even multiples, and none to nothing."""
    pixels = DPTImageProcessor(**settings)(image(*shape)).pixel_values[0]
    assert tuple(pixels.shape[1:]) == expected


def test_the_picture_stands_in_the_middle_of_its_padding() -> None:
    processor = DPTImageProcessor(do_resize=False, do_normalize=False, do_pad=True, size_divisor=8)
    images = [image(5, 8), image(9, 3)]
    first, second = processor(images).pixel_values
    assert (first.shape[1:], second.shape[1:]) == ((8, 8), (16, 8))
    torch.testing.assert_close(first[:, 1:6], images[0] / 255)
    torch.testing.assert_close(second[:, 3:12, 2:5], images[1] / 255)
    assert not first[:, 0].any()
    with pytest.raises(InputError, match="size_divisor"):
        DPTImageProcessor(do_pad=True)(images)


def test_labels_go_the_way_of_their_picture() -> None:
    classes = torch.arange(12).view(3, 4) % 5
    processor = DPTImageProcessor(size={"height": 6, "width": 8}, do_reduce_labels=True)
    labels = processor(image(3, 4), classes, return_tensors="pt")["labels"]
    assert labels.shape == (1, 6, 8)
    assert labels[0, ::2, ::2].tolist() == [
        [255 if value == 0 else value - 1 for value in row] for row in classes.tolist()
    ]


def test_old_files_are_read_and_written_anew(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(LARGE), "utf-8")
    for auto_class in (AutoImageProcessor, AutoFeatureExtractor):
        found = auto_class.from_pretrained(tmp_path)
        assert type(found) is DPTImageProcessor
        assert (found.size, found.resample) == ({"height": 384, "width": 384}, 2)
    found.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text("utf-8"))
    assert saved["image_processor_type"] == "DPTImageProcessor"
    assert AutoImageProcessor.from_pretrained(tmp_path) == found


def test_bit_takes_the_middle() -> None:
    whole = BitImageProcessor(size={"shortest_edge": 12}, do_center_crop=False)
    pixels = whole(image(20, 40)).pixel_values[0]
    assert pixels.shape == (3, 12, 24)
    cropped = whole(image(20, 40), do_center_crop=True, crop_size=10).pixel_values[0]
    assert torch.equal(cropped, pixels[:, 1:11, 7:17])


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ConfigurationError, match="ensure_multiple_of=0"):
        DPTImageProcessor(ensure_multiple_of=0)
