"""Maps of classes become labels, and scores become maps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core.errors import InputError
from automodel_core.vision import SegmentationImageProcessor, semantic_segmentation

CLASSES = np.random.default_rng(0).integers(0, 9, (6, 8), dtype=np.uint8)
PICTURE = np.zeros((6, 8, 3), dtype=np.uint8)
EXPECTED = torch.tensor(CLASSES.tolist())


def processor(**settings: Any) -> SegmentationImageProcessor:
    usual = {"do_resize": False, "do_normalize": False}
    return SegmentationImageProcessor(**{**usual, **settings})


def palette() -> Image.Image:
    found = Image.fromarray(CLASSES, "L").convert("P")
    found.putdata(CLASSES.flatten().tolist())
    found.putpalette(bytes(range(255, -1, -1)) * 3)
    return found


@pytest.mark.parametrize(
    "classes",
    [
        CLASSES,
        CLASSES[None],
        CLASSES[..., None],
        CLASSES.astype(np.int64),
        CLASSES.astype(np.float32),
        torch.tensor(CLASSES),
        Image.fromarray(CLASSES),
        Image.fromarray(CLASSES.astype(np.int32)),
        palette(),
    ],
    ids=["array", "batch", "last axis", "int64", "float", "tensor", "grey", "wide", "palette"],
)
def test_one_map_in_many_kinds(classes: Any) -> None:
    for given in (classes, [classes]):
        (found,) = processor()(PICTURE, given)["labels"]
        assert found.dtype == torch.int64
        assert torch.equal(found, EXPECTED)


def test_maps_in_files(tmp_path: Path) -> None:
    palette().save(tmp_path / "map.png")
    Image.fromarray(CLASSES.astype(np.uint16) + 300).save(tmp_path / "wide.png")
    found = processor()([PICTURE] * 2, [str(tmp_path / "map.png"), tmp_path / "wide.png"])
    assert torch.equal(found["labels"][0], EXPECTED)
    assert torch.equal(found["labels"][1], EXPECTED + 300)


def test_maps_are_resized_to_classes_that_they_have() -> None:
    sparse = np.where(CLASSES > 4, 200, 0).astype(np.uint8)
    size = {"height": 13, "width": 17}
    for classes in (sparse, sparse.astype(np.int64) * 7 - 100):
        found = processor(do_resize=True, size=size)(PICTURE, classes, return_tensors="pt")
        assert found["pixel_values"].shape == (1, 3, 13, 17)
        assert found["labels"].shape == (1, 13, 17)
        assert set(found["labels"].unique().tolist()) == set(np.unique(classes).tolist())
    expected = Image.fromarray(sparse).resize((17, 13), Image.Resampling.NEAREST)
    found = processor(do_resize=True, size=size)(PICTURE, sparse)["labels"][0]
    assert found.tolist() == np.asarray(expected).tolist()


@pytest.mark.parametrize("name", ["do_reduce_labels", "reduce_labels"])
def test_no_class_does_not_count(name: str) -> None:
    classes = torch.tensor([[0, 1, 2], [254, 255, 300]])
    for found in (
        processor(**{name: True})(PICTURE, classes),
        processor()(PICTURE, classes, **{name: True}),
    ):
        assert found["labels"][0].tolist() == [[255, 0, 1], [253, 255, 299]]
    assert processor(**{name: True}).to_dict()["do_reduce_labels"] is True
    assert "reduce_labels" not in processor(**{name: True}).to_dict()
    assert classes[0, 0] == 0


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (PICTURE, "6 segmentation maps were given for 1 images"),
        (Image.fromarray(PICTURE), "the numbers of classes, not their colours"),
        ([CLASSES, CLASSES], "2 segmentation maps were given for 1 images"),
        (CLASSES / 2, "these are no integers"),
        (np.full((2, 2), np.nan), "these are no integers"),
        (np.full((2, 2), 1 << 30), "1073741824 is no class"),
        ("nowhere.png", "there is no image file"),
        (7, "an image is a Pillow image"),
    ],
)
def test_what_is_no_map(maps: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        processor()(PICTURE, maps)


def test_the_best_class_of_each_pixel() -> None:
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = processor().post_process_semantic_segmentation(SimpleNamespace(logits=logits))
    assert torch.equal(torch.stack(found), logits.argmax(1))
    for sizes in ([(8, 10), (3, 2)], torch.tensor([[8, 10], [3, 2]])):
        maps = semantic_segmentation(logits, sizes)
        assert [each["segmentation"].shape for each in maps] == [(8, 10), (3, 2)]
        assert maps[0].segmentation_scores.shape == (3, 8, 10)
        assert torch.equal(maps[0].segmentation_scores.argmax(0), maps[0].segmentation)
    with pytest.raises(InputError, match="1 target_sizes were given for 2 images"):
        semantic_segmentation(logits, [(8, 8)])
