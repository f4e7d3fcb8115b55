"""Annotations of COCO's formats, as what a model learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core.detection import (
    DetectionImageProcessor,
    compressed_counts,
    detection_target,
    panoptic_target,
)
from automodel_core.errors import InputError

SQUARE = [2, 2, 6, 2, 6, 8, 2, 8]


def objects(**more: Any) -> dict[str, Any]:
    return {
        "image_id": 7,
        "annotations": [
            {
                "category_id": 3,
                "bbox": [2, 2, 4, 6],
                "area": 24.0,
                "segmentation": [SQUARE],
                **more,
            },
            {"category_id": 4, "bbox": [0, 0, 9, 9], "area": 9.0, "iscrowd": 1},
            {
                "category_id": 5,
                "bbox": [15, 5, 99, 3],
                "area": 8.0,
                "segmentation": [SQUARE],
                **more,
            },
            {
                "category_id": 6,
                "bbox": [30, 5, 4, 3],
                "area": 8.0,
                "segmentation": [SQUARE],
                **more,
            },
        ],
    }


def test_objects() -> None:
    target = detection_target(objects(), 10, 20, masks=True)
    assert target["class_labels"].tolist() == [3, 5]
    assert target["boxes"].tolist() == [[2, 2, 6, 8], [15, 5, 20, 8]]
    assert target["area"].tolist() == [24, 8]
    assert target["orig_size"].tolist() == [10, 20]
    assert target["masks"].shape == (2, 10, 20)
    assert target["masks"][0].sum() == 24
    assert "keypoints" not in target
    points = detection_target(objects(keypoints=[1, 2, 3, 4, 5, 6]), 10, 20, masks=False)
    assert points["keypoints"].tolist() == [[1, 2, 3], [4, 5, 6]] * 2
    assert "masks" not in points


def test_no_objects() -> None:
    target = detection_target({"image_id": 1, "annotations": []}, 10, 20, masks=True)
    assert target["boxes"].shape == (0, 4)
    assert target["class_labels"].dtype == torch.int64
    assert target["masks"].shape == (0, 10, 20)


def test_run_lengths_are_masks_too() -> None:
    """Of the string, which COCO's tools write, each letter holds five bits."""
    runs = {"size": [4, 5], "counts": [3, 5, 12]}
    text = {"size": [4, 5], "counts": "35<"}
    assert compressed_counts("35<") == [3, 5, 12]
    assert compressed_counts("010100") == [0, 1, 0, 2, 0, 2]
    for segmentation in (runs, text):
        annotation = {"category_id": 1, "bbox": [0, 0, 3, 3], "area": 5.0}
        annotation["segmentation"] = segmentation
        given = {"image_id": 1, "annotations": [annotation]}
        mask = detection_target(given, 4, 5, masks=True)["masks"][0]
        assert mask.t().flatten().tolist() == [False] * 3 + [True] * 5 + [False] * 12


def panoptic(folder: Path) -> dict[str, Any]:
    colours = np.zeros((10, 20, 3), dtype=np.uint8)
    colours[2:8, 3:9] = (5, 1, 0)  # 261
    colours[:, 15:] = (0, 0, 1)  # 65536
    Image.fromarray(colours).save(folder / "1.png")
    common = {"iscrowd": 0, "area": 36}
    infos = [{"id": 261, "category_id": 2, **common}, {"id": 65536, "category_id": 9, **common}]
    return {"image_id": 4, "file_name": "1.png", "segments_info": infos}


def test_segments_are_colours_of_a_picture(tmp_path: Path) -> None:
    given = panoptic(tmp_path)
    target = panoptic_target(given, 10, 20, True, tmp_path)
    assert target["masks"].sum((1, 2)).tolist() == [36, 50]
    assert target["boxes"].tolist() == [[3, 2, 8, 7], [15, 0, 19, 9]]
    assert target["class_labels"].tolist() == [2, 9]
    with pytest.raises(InputError, match="masks_path= is the folder"):
        panoptic_target(given, 10, 20, True, None)


def test_images_of_different_sizes_are_one_batch(tmp_path: Path) -> None:
    processor = DetectionImageProcessor(
        size={"height": 20, "width": 40}, do_normalize=False, do_convert_annotations=True
    )
    image, other = torch.zeros(3, 10, 20).byte(), torch.zeros(3, 10, 20).byte()
    given = processor(
        [image, other],
        [objects(), objects()],
        return_segmentation_masks=True,
        return_tensors="pt",
        pad_size={"height": 30, "width": 50},
    )
    assert given["pixel_values"].shape == (2, 3, 30, 50)
    assert given["pixel_mask"].sum() == 2 * 20 * 40
    label = given["labels"][0]
    edges = torch.tensor([[4, 4, 12, 16], [30, 10, 40, 16]]) / torch.tensor([50, 30, 50, 30])
    center = torch.cat([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2]], dim=1)
    torch.testing.assert_close(label["boxes"], center)
    assert label["size"].tolist() == [30, 50]
    assert label["area"].tolist() == [96, 32]
    assert label["masks"].shape == (2, 30, 50)
    assert label["masks"][0].sum() == 96


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"image_id": 1}, "has no annotations; it has 'image_id'"),
        ({"image_id": 1, "annotations": 3}, "must be a list of tables"),
        ({"image_id": 1, "annotations": [{"bbox": [0, 0, 1, 1]}]}, "has no category_id"),
    ],
)
def test_what_is_no_annotation(annotation: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        detection_target(annotation, 10, 20, masks=False)
    processor = DetectionImageProcessor(size={"height": 4, "width": 4}, do_normalize=False)
    with pytest.raises(InputError, match="2 annotations were given for 1 images"):
        processor(torch.zeros(3, 4, 4), [annotation] * 2)
