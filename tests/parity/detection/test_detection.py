"""Costs, pairs, losses and segments equal those of the reference and of scipy."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from transformers.loss import loss_for_object_detection as theirs

from automodel_core.detection import (
    SegmentThresholds,
    assign,
    box_costs,
    box_losses,
    cardinality_error,
    class_loss,
    enclosing_boxes,
    mask_losses,
    match,
    mean_count,
    panoptic_segments,
    segmentation_to_rle,
)
from support.parity import IS_5

if IS_5:  # the other module of 5 needs torchvision
    from transformers.models.detr import image_processing_pil_detr as processing
else:
    from transformers.models.detr import image_processing_detr as processing

COUNTS = {"some": [3, 1, 0], "none": [0, 0, 0], "crowded": [6, 6, 6], "one image": [2]}
QUERIES, CLASSES = 6, 4


def drawn(counts: list[int], seed: int = 0) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    batch = len(counts)
    outputs = {
        "logits": 4 * random(batch, QUERIES, CLASSES + 1),
        "pred_boxes": 0.1 + 0.5 * random(batch, QUERIES, 4),
        "pred_masks": 4 * random(batch, QUERIES, 5, 6) - 2,
    }
    targets = [
        {
            "class_labels": (CLASSES * random(count)).long(),
            "boxes": 0.1 + 0.5 * random(count, 4),
            "masks": random(count, 8 + image, 9) > 0.5,
        }
        for image, count in enumerate(counts)
    ]
    return outputs, targets


@pytest.mark.parametrize("name", COUNTS)
def test_pairs_losses_and_gradients(name: str) -> None:
    outputs, targets = drawn(COUNTS[name])
    matcher = theirs.HungarianMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
    criterion = theirs.ImageLoss(matcher, CLASSES, 0.1, ["labels", "boxes", "cardinality"])
    expected = {key: value.clone().requires_grad_() for key, value in outputs.items()}
    wanted = criterion(expected, targets)
    if sum(COUNTS[name]):  # the reference stumbles over masks of no object
        pairs = matcher(expected, targets)
        count = max(sum(COUNTS[name]), 1)
        wanted |= criterion.loss_masks(expected, targets, pairs, count)

    ours = {key: value.clone().requires_grad_() for key, value in outputs.items()}
    costs = box_costs(ours["logits"], ours["pred_boxes"], targets, (1.0, 5.0, 2.0))
    pairs = match(costs, COUNTS[name])
    count = mean_count(targets, torch.device("cpu"))
    found = {
        "loss_ce": class_loss(ours["logits"], targets, pairs, 0.1),
        "cardinality_error": cardinality_error(ours["logits"], targets),
        **box_losses(ours["pred_boxes"], targets, pairs, count),
        **mask_losses(ours["pred_masks"], targets, pairs, count),
    }
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, msg=key)
    sum(value for key, value in wanted.items() if key != "cardinality_error").backward()
    sum(value for key, value in found.items() if key in wanted and "error" not in key).backward()
    for key in expected:
        if expected[key].grad is not None:
            torch.testing.assert_close(ours[key].grad, expected[key].grad, msg=key)


@pytest.mark.parametrize("shape", [(100, 10), (30, 30), (10, 40)])
def test_pairs_are_those_of_scipy(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    costs = [
        torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in range(10)
    ]
    expected = [assign(each) for each in costs]
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    for each, (rows, columns) in zip(costs, expected, strict=True):
        found = assign(each)
        assert torch.equal(found[0], rows)
        assert torch.equal(found[1], columns)


@pytest.mark.parametrize("target_size", [None, (9, 4)])
@pytest.mark.parametrize("overlap", [0.2, 0.8])
def test_segments(target_size: tuple[int, int] | None, overlap: float) -> None:
    generator = torch.Generator().manual_seed(3)
    masks = torch.rand(5, 6, 7, generator=generator)
    scores = 0.5 + torch.rand(5, generator=generator) / 2
    labels = torch.tensor([1, 2, 1, 3, 2])
    # Without fused labels: behind them, the reference gives numbers away a second time.
    segmentation, infos = processing.compute_segments(
        masks.clone(), scores, labels, 0.3, overlap, set(), target_size
    )
    resized = masks
    if target_size is not None:
        resized = torch.nn.functional.interpolate(
            masks[None], size=target_size, mode="bilinear", align_corners=False
        )[0]
    ours, told = panoptic_segments(
        resized, scores, labels, SegmentThresholds(mask=0.3, overlap=overlap)
    )
    assert torch.equal(ours, segmentation)
    assert told == infos
    assert segmentation_to_rle(ours) == [
        [int(number) for number in each]
        for each in processing.convert_segmentation_to_rle(segmentation)
    ]


def test_boxes_around_masks() -> None:
    masks = torch.rand(4, 7, 5, generator=torch.Generator().manual_seed(0)) > 0.8
    expected = processing.masks_to_boxes(masks.numpy())
    assert torch.equal(enclosing_boxes(masks), torch.as_tensor(expected, dtype=torch.float32))
