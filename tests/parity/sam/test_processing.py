"""SAM's processor equals the reference's: pixels, labels, prompts, masks of pictures, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from PIL import Image

from automodel_core import AutoImageProcessor, AutoProcessor
from automodel_sam import SamImageProcessor, SamProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil as Reference
else:
    from transformers import SamImageProcessor as Reference

SMALL: dict[str, Any] = {
    "size": {"longest_edge": 64}, "pad_size": {"height": 64, "width": 64},
    "mask_size": {"longest_edge": 16}, "mask_pad_size": {"height": 16, "width": 16},
}  # fmt: skip
SHAPES = ((48, 70), (90, 31))
POINTS = [[[10, 20], [30, 5]], [[3, 4], [5, 6]]]
CALLS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "points": {"input_points": POINTS},
    "points and labels": {"input_points": POINTS, "input_labels": [[1, 0], [1, 1]]},
    "prompts": {
        "input_points": [[[[1, 2]], [[3, 4]], [[5, 6]]]] * 2,
        "input_labels": [[[1], [0], [1]]] * 2,
    },
    "boxes": {"input_boxes": [[[1, 2, 30, 40]], [[3, 4, 5, 6]]]},
    "tensors": {
        "input_points": torch.tensor(POINTS), "input_labels": torch.ones(2, 2, dtype=torch.int64)
    },
    "one point less": {
        "input_points": [[[1, 2]], [[1, 2], [3, 4]]], "input_labels": [[1], [1, 0]],
        "point_pad_value": -10,
    },
}  # fmt: skip


def drawn(depth: tuple[int, ...] = (3,), most: int = 256) -> list[Any]:
    chance = np.random.default_rng(0)
    return [
        Image.fromarray(chance.integers(0, most, (*shape, *depth), dtype=np.uint8))
        for shape in SHAPES
    ]


def rough(count: int, edge: int) -> torch.Tensor:
    noise = torch.randn(count, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    return 4 * F.interpolate(noise, (edge, edge), mode="bicubic")[:, 0]


def assert_same(ours: Any, theirs: Any) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert (ours[name].shape, ours[name].dtype) == (expected.shape, expected.dtype), name
        torch.testing.assert_close(ours[name], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("more", [{}, {"do_pad": False}, {"do_resize": False, "do_pad": False}])
def test_images_and_maps_become_the_same(more: dict[str, Any]) -> None:
    ours, theirs = SamImageProcessor(**SMALL), Reference(**SMALL)
    images, maps = drawn(), drawn((), 3)
    for number in (0, 1):
        given = images[number], maps[number]
        found, expected = (each(*given, return_tensors="pt", **more) for each in (ours, theirs))
        assert_same(found, expected)


@pytest.mark.parametrize("name", CALLS)
def test_prompts_become_the_same(name: str) -> None:
    if name == "one point less" and not IS_5:
        CALLS[name].pop("point_pad_value", None)
    ours = SamProcessor(SamImageProcessor(**SMALL))
    theirs = transformers.SamProcessor(Reference(**SMALL))
    given = {"images": drawn(), "return_tensors": "pt", **CALLS[name]}
    assert_same(ours(**given), theirs(**given))


@pytest.mark.parametrize("shape", [*SHAPES, (64, 64), (7, 300)])
def test_masks_of_pictures_are_the_same(shape: tuple[int, int]) -> None:
    ours, theirs = SamImageProcessor(**SMALL), Reference(**SMALL)
    picture = Image.new("RGB", shape[::-1])
    seen = theirs(picture, return_tensors="pt")
    sizes = seen["original_sizes"], seen["reshaped_input_sizes"]
    for edge, padded in ((16, None), (64, None), (40, {"height": 96, "width": 64})):
        masks = rough(6, edge).view(1, 2, 3, edge, edge)
        more = {"pad_size": padded}
        found = ours.post_process_masks(masks, *sizes, binarize=False, **more)
        expected = theirs.post_process_masks(masks.clone(), *sizes, binarize=False, **more)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
        shown = ours.post_process_masks(masks, *sizes, mask_threshold=0.5, **more)[0]
        assert shown.dtype == torch.bool
        assert torch.equal(shown, found[0] > 0.5)


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_crops_are_the_same(layers: int) -> None:
    ours, theirs, picture = SamImageProcessor(**SMALL), Reference(**SMALL), drawn()[0]
    options = {"crop_n_layers": layers, "points_per_crop": 6, "overlap_ratio": 0.3}
    given = picture if IS_5 else np.array(picture)
    boxes, points, crops, labels = ours.generate_crop_boxes(picture, 64, **options)
    expected = theirs.generate_crop_boxes(given, 64, **options)
    assert torch.equal(boxes, torch.as_tensor(expected[0]))
    assert torch.equal(labels, torch.as_tensor(expected[3]))
    # Version 4 scales the points of a crop as if it were as large as the picture.
    same = slice(None) if IS_5 else slice(1)
    torch.testing.assert_close(points[:, :, same], torch.as_tensor(expected[1])[:, :, same])
    for crop, other in zip(crops, expected[2], strict=True):
        array = np.asarray(other)
        assert np.array_equal(crop.numpy(), array if IS_5 else array.transpose(2, 0, 1))


@pytest.mark.parametrize("crop", [(0, 0, 70, 48), (10, 8, 58, 48)])
def test_the_same_masks_are_kept(crop: tuple[int, int, int, int]) -> None:
    ours, theirs = SamImageProcessor(**SMALL), Reference(**SMALL)
    left, top, right, bottom = crop
    masks = F.interpolate(rough(24, 9)[:, None], (bottom - top, right - left), mode="bicubic")
    masks = torch.cat([masks, -torch.ones_like(masks[:3])]).view(9, 3, *masks.shape[-2:])
    scores = torch.rand(9, 3, generator=torch.Generator().manual_seed(1))
    options = ((48, 70), np.array(crop), 0.2, 0.4, 0.0, 1)
    found = ours.filter_masks(masks, scores, *options)
    expected = theirs.filter_masks(masks.clone(), scores, *options)
    assert found[0] == expected[0]
    assert found[0]
    assert torch.equal(found[1], expected[1])
    # Version 4 leaves boxes in the pixels of their crop.
    offset = torch.tensor([0, 0, 0, 0] if IS_5 else [left, top, left, top])
    assert torch.equal(found[2], expected[2] + offset)


def test_files_go_both_ways(tmp_path: Path) -> None:
    theirs = transformers.SamProcessor(Reference(**SMALL))
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is SamProcessor
    assert type(AutoImageProcessor.from_pretrained(tmp_path / "theirs")) is SamImageProcessor
    found.save_pretrained(tmp_path / "ours")
    back = transformers.SamProcessor(Reference.from_pretrained(tmp_path / "ours"))
    given = {"images": drawn()[0], "input_points": [[[3, 4]]], "return_tensors": "pt"}
    expected = theirs(**given)
    for each in (found, AutoProcessor.from_pretrained(tmp_path / "ours"), back):
        assert_same(each(**given), expected)
