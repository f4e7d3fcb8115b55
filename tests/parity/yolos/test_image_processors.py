"""The image processor equals the reference's: sizes, images, annotations, boxes, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from automodel_core import AutoFeatureExtractor, AutoImageProcessor
from automodel_yolos import YolosImageProcessor
from automodel_yolos.image_processing import whole_patches
from parity.detr.test_image_processors import annotations, assert_same, drawn, outputs
from support.parity import IS_5

if IS_5:
    from transformers.models.yolos.image_processing_pil_yolos import (
        YolosImageProcessorPil as Reference,
        get_size_with_aspect_ratio_yolos as theirs_size,
    )
else:
    from transformers import YolosImageProcessor as Reference
    from transformers.models.yolos.image_processing_yolos import (
        get_size_with_aspect_ratio as theirs_size,
    )

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {"size": {"shortest_edge": 40, "longest_edge": 66}},
    "boxes in pixels": {
        "size": {"height": 30, "width": 50}, "do_normalize": False, "do_convert_annotations": False,
    },
    "not padded": {"size": {"height": 30, "width": 90}, "do_pad": False},
    "as they are": {"do_resize": False},
    "padded further": {
        "size": {"shortest_edge": 24, "longest_edge": 60}, "pad_size": {"height": 64, "width": 80},
    },
}  # fmt: skip
SHAPES = ((33, 47), (61, 38))


def without_mask(found: Any) -> Any:
    """Version 4 returns no mask of the padding."""
    return {key: found[key] for key in found if IS_5 or key != "pixel_mask"}


@pytest.mark.parametrize("size", [(32, 48), (30, 33), (29, 80), (33, 1000)])
def test_sizes(size: tuple[int, int]) -> None:
    short, long = size
    chance = np.random.default_rng(0)
    shapes = [*chance.integers(17, 100, (300, 2)).tolist(), [96, 32], [32, 96], [97, 30], [30, 97]]
    for shape in shapes:
        found = whole_patches(shape, {"shortest_edge": short, "longest_edge": long})
        expected = theirs_size(tuple(shape), short, long)
        if min(expected):  # the reference makes pictures without pixels
            assert found == tuple(map(int, expected)), shape
        assert all(edge and edge % 16 == 0 for edge in found)


@pytest.mark.parametrize("name", SETTINGS)
def test_images_and_annotations(name: str) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in (YolosImageProcessor, Reference))
    images = [drawn(*shape) for shape in SHAPES]
    if name == "as they are":
        images[1] = images[0]
    kind = None if name == "not padded" else "pt"
    for given, notes in ((images, annotations()), (images[0], annotations()[0])):
        expected = theirs(given, annotations=notes, return_tensors=kind)
        assert_same(without_mask(ours(given, notes, return_tensors=kind)), expected, name)


@pytest.mark.parametrize("sizes", [None, [(40, 60), (31, 20)]])
def test_post_processing(sizes: Any) -> None:
    ours, theirs = YolosImageProcessor(), Reference()
    for threshold in (0.3, 0.9):
        expected = theirs.post_process_object_detection(outputs(1), threshold, sizes)
        found = ours.post_process_object_detection(outputs(1), threshold, sizes)
        for one, other in zip(found, expected, strict=True):
            for key, value in other.items():
                torch.testing.assert_close(one[key], value)


def test_files_both_ways(tmp_path: Path) -> None:
    theirs = Reference(size={"shortest_edge": 32, "longest_edge": 50})
    theirs.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "yolos"}')
    found = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(found) is YolosImageProcessor
    images = [drawn(*shape) for shape in SHAPES]
    expected = theirs(images, return_tensors="pt")
    assert_same(without_mask(found(images, return_tensors="pt")), expected, "theirs")
    found.save_pretrained(tmp_path)
    again = Reference.from_pretrained(tmp_path)
    assert_same(
        without_mask(found(images, return_tensors="pt")), again(images, return_tensors="pt"), "ours"
    )


def test_files_of_feature_extractors(tmp_path: Path) -> None:
    """So the first checkpoints on the hub are written."""
    old = {
        "do_normalize": True, "do_resize": True, "feature_extractor_type": "YolosFeatureExtractor",
        "format": "coco_detection", "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225], "max_size": 50, "size": 32,
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    (tmp_path / "config.json").write_text('{"model_type": "yolos"}')
    images = [drawn(*shape) for shape in SHAPES]
    expected = Reference.from_pretrained(tmp_path)(images, return_tensors="pt")
    for auto in (AutoImageProcessor, AutoFeatureExtractor):
        found = auto.from_pretrained(tmp_path)
        assert type(found) is YolosImageProcessor
        assert found.size == {"shortest_edge": 32, "longest_edge": 50}
        assert_same(without_mask(found(images, return_tensors="pt")), expected, "old")
