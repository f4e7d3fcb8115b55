"""Masks with a class for each: labels from maps, and segments from queries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from automodel_core.detection import (
    MaskClassImageProcessor,
    MaskClassPostProcessing,
    binary_masks,
    cross_entropy_costs,
    cross_entropy_loss,
    dice_costs,
    dice_loss,
    focal_costs,
    focal_loss,
)
from automodel_core.errors import InputError

SURE = 9.0
POST: Any = MaskClassPostProcessing()


def outputs(classes: list[int], masks: list[torch.Tensor], count: int = 3) -> Any:
    """Return what queries say that are sure of a class (``count`` of them) and of a mask."""
    logits = torch.full((1, len(classes), count + 1), -SURE)
    logits[0, range(len(classes)), classes] = SURE
    drawn = torch.stack([2 * SURE * mask.float() - SURE for mask in masks])
    return SimpleNamespace(class_queries_logits=logits, masks_queries_logits=drawn[None])


def rectangle(rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(8, 12)
    mask[rows, columns] = 1
    return mask


LEFT, RIGHT = rectangle(slice(8), slice(4)), rectangle(slice(8), slice(8, 12))
MIDDLE, ALL = rectangle(slice(8), slice(4, 8)), rectangle(slice(8), slice(12))


def test_fused_segments_have_one_number_and_others_numbers_of_their_own() -> None:
    halves = [LEFT[:, :], MIDDLE, RIGHT, torch.zeros(8, 12)]
    parts = [halves[0] * (torch.arange(8) < 4)[:, None], halves[0] * (torch.arange(8) > 3)[:, None]]
    given = outputs([0, 1, 0, 2], [parts[0], MIDDLE, parts[1], RIGHT])
    (found,) = POST.post_process_panoptic_segmentation(given, label_ids_to_fuse={0})
    assert [one["id"] for one in found["segments_info"]] == [1, 2, 1, 3]
    assert [one["was_fused"] for one in found["segments_info"]] == [True, False, True, False]
    assert found["segmentation"][0].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    (apart,) = POST.post_process_panoptic_segmentation(given)
    assert [one["id"] for one in apart["segments_info"]] == [1, 2, 3, 4]


def test_instances_may_overlap() -> None:
    given = outputs([0, 1], [ALL, LEFT])
    (found,) = POST.post_process_instance_segmentation(given, return_binary_maps=True)
    labels = {one["label_id"]: one["id"] for one in found["segments_info"]}
    assert found["segmentation"][labels[0]].all()
    assert torch.equal(found["segmentation"][labels[1]], LEFT)
    (nothing,) = POST.post_process_instance_segmentation(
        outputs([3, 3], [ALL, LEFT]), target_sizes=[(5, 6)], return_binary_maps=True
    )
    assert (nothing["segmentation"].shape, nothing["segments_info"]) == ((0, 5, 6), [])
    with pytest.raises(InputError, match="exclude each other"):
        POST.post_process_instance_segmentation(
            given, return_binary_maps=True, return_coco_annotation=True
        )


def test_padding_is_cut_off() -> None:
    """An image of half the width of its batch is half of each mask."""
    mask = torch.ones(1, 32, 48, dtype=torch.long)
    mask[..., 24:] = 0
    left = rectangle(slice(8), slice(3))
    given, sizes = outputs([0, 1], [left, 1 - left]), [(32, 24)]
    for name in ("semantic", "panoptic", "instance"):
        post = getattr(POST, f"post_process_{name}_segmentation")
        (found,) = post(given, target_sizes=sizes, pixel_mask=mask)
        found = found if name == "semantic" else found["segmentation"]
        assert found.shape == (32, 24)
        edge = (found[:, 1:] != found[:, :-1]).nonzero()[:, 1].unique()
        assert edge.tolist() == [11], name
    with pytest.raises(InputError, match="2 target_sizes were given for 1 images"):
        POST.post_process_semantic_segmentation(given, target_sizes=[(1, 1), (2, 2)])


def test_labels_of_maps() -> None:
    numbers = torch.tensor([[0, 1, 1], [300, 255, 0]])
    masks, classes = binary_masks(numbers)
    assert (classes.tolist(), masks.shape) == ([0, 1, 255, 300], (4, 2, 3))
    masks, classes = binary_masks(numbers, reduce_labels=True)
    assert classes.tolist() == [0, 299]
    assert masks[0].tolist() == [[0, 1, 1], [0, 0, 0]]
    masks, classes = binary_masks(numbers, {0: 7, 1: 7, 300: 5}, ignore_index=255)
    assert classes.tolist() == [7, 7, 5]
    with pytest.raises(InputError, match="has no class for 300"):
        binary_masks(numbers, {0: 7, 1: 7, 255: 1})
    masks, classes = binary_masks(torch.full((2, 3), 9), ignore_index=9)
    assert (masks.shape, classes.tolist()) == ((0, 2, 3), [])


def test_maps_go_the_way_of_their_images() -> None:
    processor = MaskClassImageProcessor(size={"shortest_edge": 16, "longest_edge": 64})
    images = [torch.zeros(3, 20, 30).byte(), torch.zeros(3, 40, 20).byte()]
    maps = [torch.zeros(20, 30).long(), torch.full((40, 20), 400)]
    found = processor(images, maps, return_tensors="pt")
    assert found.pixel_values.shape == (2, 3, 32, 32)
    assert [each.shape for each in found.mask_labels] == [(1, 32, 32), (1, 32, 32)]
    assert [each.tolist() for each in found.class_labels] == [[0], [400]]
    with pytest.raises(InputError, match="1 segmentation maps and 2 tables"):
        processor(images, maps[:1])
    alone = processor(images[0], maps[0], do_pad=False)
    assert "pixel_mask" not in alone
    assert alone.mask_labels[0].shape[1:] == alone.pixel_values[0].shape[1:]


def test_costs_are_the_losses_of_pairs() -> None:
    chance = torch.Generator().manual_seed(0)
    masks = 4 * torch.randn(3, 20, generator=chance)
    wanted = (torch.rand(2, 20, generator=chance) > 0.5).float()
    for costs, loss in (
        (focal_costs, focal_loss),
        (cross_entropy_costs, cross_entropy_loss),
        (dice_costs, dice_loss),
    ):
        found = costs(masks, wanted)
        for query, one in enumerate(masks):
            for number, other in enumerate(wanted):
                expected = loss(one[None], other[None], torch.tensor(1.0))
                torch.testing.assert_close(found[query, number], expected)
