"""Boxes: both ways to write them, what two have in common, and those around masks."""

from __future__ import annotations

import pytest
import torch

from automodel_core.detection import (
    box_area,
    box_iou,
    center_to_corners,
    corners_to_center,
    enclosing_boxes,
    generalized_box_iou,
    keep_best,
    keep_best_of_each,
    likely_objects,
    paired_generalized_iou,
    scale_boxes,
    sure_objects,
)
from automodel_core.errors import InputError

UNIT = torch.tensor([[0.0, 0.0, 1.0, 1.0]])


def drawn(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=generator)
    return torch.cat([corners.amin(1), corners.amax(1)], dim=1)


def test_centres_and_corners() -> None:
    boxes = torch.tensor([[[0.5, 0.25, 0.2, 0.1]]])
    corners = center_to_corners(boxes)
    torch.testing.assert_close(corners, torch.tensor([[[0.4, 0.2, 0.6, 0.3]]]))
    torch.testing.assert_close(corners_to_center(corners), boxes)


def test_pixels() -> None:
    boxes = torch.tensor([[[0.0, 0.5, 1.0, 1.0]], [[0.25, 0.0, 0.5, 0.5]]])
    found = scale_boxes(boxes, [(10, 20), (40, 8)])
    assert found.tolist() == [[[0, 5, 20, 10]], [[2, 0, 4, 20]]]
    assert torch.equal(scale_boxes(boxes, torch.tensor([[10, 20], [40, 8]])), found)
    with pytest.raises(InputError, match="1 target_sizes were given for 2 images"):
        scale_boxes(boxes, [(1, 1)])


def test_what_boxes_have_in_common() -> None:
    others = torch.tensor([[0.0, 0.0, 1, 1], [0.5, 0, 1.5, 1], [1, 1, 2, 2], [3, 0, 4, 1]])
    iou, covered = box_iou(UNIT, others)
    torch.testing.assert_close(iou, torch.tensor([[1.0, 1 / 3, 0.0, 0.0]]))
    assert covered.tolist() == [[1.0, 1.5, 2.0, 2.0]]
    fit = generalized_box_iou(UNIT, others)
    torch.testing.assert_close(fit, torch.tensor([[1.0, 1 / 3, -0.5, -0.5]]))
    first, second = drawn(6, 0), drawn(6, 1)
    paired = paired_generalized_iou(first, second)
    torch.testing.assert_close(paired, generalized_box_iou(first, second).diagonal())


def test_areas_do_not_overflow() -> None:
    assert box_area(torch.tensor([[0, 0, 200, 200]], dtype=torch.uint8)).item() == 40_000
    assert box_area(torch.tensor([[0.0, 0, 1000, 1000]], dtype=torch.float16)).item() == 1e6


def test_edges_in_the_wrong_order_are_told() -> None:
    with pytest.raises(InputError, match="left, upper, right and lower edge"):
        generalized_box_iou(UNIT, torch.tensor([[1.0, 0.0, 0.0, 1.0]]))


def test_boxes_around_masks() -> None:
    masks = torch.zeros(3, 5, 7, dtype=torch.bool)
    masks[0, 1:4, 2:6] = True
    masks[1, 4, 6] = True
    assert enclosing_boxes(masks).tolist() == [[2, 1, 5, 3], [6, 4, 6, 4], [0, 0, 0, 0]]
    assert enclosing_boxes(masks[:0]).shape == (0, 4)


def test_worse_boxes_of_the_same_thing_go() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 9]])
    scores = torch.tensor([0.5, 0.9, 0.1, 0.8])
    assert keep_best(boxes, scores, 0.5).tolist() == [1, 2]
    assert keep_best(boxes, scores, 0.85).tolist() == [1, 3, 2]
    groups = torch.tensor([0, 1, 0, 0])
    assert keep_best_of_each(boxes, scores, groups, 0.5).tolist() == [1, 3, 2]
    assert keep_best_of_each(boxes[:0], scores[:0], groups[:0], 0.5).tolist() == []
    assert keep_best(boxes[:0], scores[:0], 0.5).tolist() == []


@pytest.mark.parametrize("overlap", [0.05, 0.3, 0.9])
def test_more_boxes_than_are_compared_at_once(overlap: float) -> None:
    boxes = drawn(300, 4)
    scores = torch.rand(300, generator=torch.Generator().manual_seed(5)).mul(50).round() / 50
    same = box_iou(boxes, boxes)[0] > overlap
    kept: list[int] = []
    for number in scores.argsort(descending=True, stable=True).tolist():
        if not same[number, kept].any():
            kept.append(number)
    assert keep_best(boxes, scores, overlap).tolist() == kept


@pytest.mark.parametrize("images", [1, 3])
def test_objects_that_are_sure_enough(images: int) -> None:
    fits = torch.rand(images, 8, 4, generator=torch.Generator().manual_seed(6))
    boxes = torch.rand(images, 8, 4, generator=torch.Generator().manual_seed(7))
    scores = fits.amax(dim=-1)
    spans = torch.tensor([[30.0, 20, 30, 20], [1, 1, 1, 1], [5, 6, 5, 6]])[:images]
    for threshold in (-1.0, 0.8, 2.0):
        found = sure_objects(scores, fits, boxes, threshold, spans)
        for image, one in enumerate(found):
            kept = scores[image] > threshold
            assert torch.equal(one["scores"], scores[image, kept])
            assert torch.equal(one["labels"], fits[image, kept].argmax(dim=-1))
            edges = center_to_corners(boxes[image, kept]) * spans[image]
            torch.testing.assert_close(one["boxes"], edges)
    shares = sure_objects(scores, fits, boxes, -1.0)
    torch.testing.assert_close(shares[0]["boxes"], center_to_corners(boxes[0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("spread", [0.1, 3.0, 40.0])
@pytest.mark.parametrize("images", [1, 3])
def test_objects_that_are_likely_enough(images: int, spread: float, dtype: torch.dtype) -> None:
    chance = torch.Generator().manual_seed(8)
    logits = (torch.randn(images, 200, 5, generator=chance) * spread).to(dtype)
    logits[:, 3] = 1.0  # all alike
    logits[:, 4, 1:] = -torch.inf
    logits[:, 5, :-1] = -torch.inf
    logits[:, 6, 0] = torch.nan
    logits[-1, 100:, -1] += 100
    boxes = torch.rand(images, 200, 4, generator=chance).to(dtype)
    chances, best = logits.softmax(dim=-1)[..., :-1], []
    scores, labels = chances.max(dim=-1)
    exact = [scores[0, number].item() for number in (0, 3, 4, 5)]
    for threshold in (-1.0, 0.0, 0.01, 0.2, 0.49, 0.5, 0.51, 0.9, 0.999, 1.0, 2.0, *exact):
        found = likely_objects(logits, boxes, threshold)
        best.append([len(each["scores"]) for each in found])
        for image, one in enumerate(found):
            kept = scores[image] > threshold
            torch.testing.assert_close(one["scores"], scores[image, kept], rtol=1e-6, atol=0)
            assert torch.equal(one["labels"], labels[image, kept])
            assert torch.equal(one["boxes"], center_to_corners(boxes[image, kept]))
    assert best[0] == [199] * images
    assert best[-5] == [0] * images


def test_no_boxes_and_no_objects() -> None:
    logits, boxes = torch.zeros(2, 0, 4), torch.zeros(2, 0, 4)
    for found in likely_objects(logits, boxes, 0.5, torch.ones(2, 4)):
        assert [len(column) for column in found.values()] == [0, 0, 0]
    assert likely_objects(torch.zeros(0, 7, 4), torch.zeros(0, 7, 4), 0.5) == []
