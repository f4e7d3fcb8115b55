"""Prompts of unequal numbers, wrong prompts, and what SAM leaves to its processor."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.errors import InputError
from automodel_sam import SamImageProcessor, SamProcessor

SMALL: dict[str, Any] = {
    "size": 64, "pad_size": 64, "mask_size": 16, "mask_pad_size": 16,
}  # fmt: skip
PICTURES = [torch.zeros(3, 32, 64, dtype=torch.uint8), torch.zeros(3, 64, 16, dtype=torch.uint8)]


def processor() -> SamProcessor:
    return SamProcessor(SamImageProcessor(**SMALL))


def test_one_number_is_the_longest_edge() -> None:
    images = processor().image_processor
    assert images.size == images.mask_size | {"longest_edge": 64}
    assert images.pad_size == {"height": 64, "width": 64}
    assert SamImageProcessor().mask_pad_size == {"height": 256, "width": 256}


def test_prompts_of_unequal_numbers_are_padded() -> None:
    points = [[[[8, 4]]], [[[1, 2], [3, 4], [5, 6]], [[7, 8]]]]
    boxes = [[[0, 0, 64, 32]], [[0, 0, 16, 64], [1, 2, 3, 4]]]
    found = processor()(PICTURES, input_points=points, input_boxes=boxes, return_tensors="pt")
    assert found["input_points"].shape == (2, 2, 3, 2)
    assert found["input_points"][0, 0].tolist() == [[8, 4], [-10, -10], [-10, -10]]
    assert found["input_labels"].tolist() == [
        [[1, -10, -10], [-10] * 3],
        [[1, 1, 1], [1, -10, -10]],
    ]
    assert found["input_boxes"][0].tolist() == [[0, 0, 64, 32], [-10] * 4]


def test_one_image_may_have_prompts_in_several_rows() -> None:
    found = processor()(PICTURES[0], input_points=[[[1, 2]], [[3, 4]]], return_tensors="pt")
    assert found["input_points"].shape == (2, 1, 1, 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"input_points": [1, 2]}, "nested 1 deep"),
        ({"input_points": [[[[[1, 2]]]]]}, "nested 5 deep"),
        ({"input_points": [[[1, 2, 3]], [[1, 2, 3]]]}, "shape"),
        ({"input_boxes": [[[1, 2]], [[3, 4]]]}, "shape"),
        ({"input_points": [[[1, 2]]] * 3}, "of 3 images, and there are 2"),
        ({"input_points": [[[1, 2]]] * 2, "input_labels": [[1, 1]] * 2}, "labels"),
        ({"input_labels": [["a"], ["b"]]}, "numbers"),
        ({"text": "a cup"}, "reads no text"),
        ({"segmentation_maps": [torch.zeros(32, 64)]}, "1 segmentation maps"),
    ],
)
def test_an_error_says_how_prompts_are_nested(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        processor()(PICTURES, **given)


def test_one_picture_is_cropped_at_a_time() -> None:
    images = processor().image_processor
    with pytest.raises(InputError, match="of one image"):
        images.generate_crop_boxes(PICTURES, 64)
    boxes, points, crops, labels = images.generate_crop_boxes(
        PICTURES[0], 64, 1, points_per_crop=4, crop_n_points_downscale_factor=2
    )
    assert len(boxes) == len(crops) == 5
    assert (labels > 0).sum(1).tolist() == [[16, 4, 4, 4, 4]]
    assert (points[labels < 0] == -10).all()


def test_masks_need_the_sizes_of_their_images() -> None:
    with pytest.raises(InputError, match="original_sizes of 2"):
        processor().post_process_masks(torch.zeros(1, 1, 3, 16, 16), [(1, 1)] * 2, [(1, 1)])
