"""Masks: as outlines, as run lengths, and as segments of one map."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.detection import (
    SegmentThresholds,
    mask_to_rle,
    panoptic_segments,
    polygons_to_mask,
    query_segmentation,
    rle_to_mask,
    segmentation_to_rle,
    segments_of_queries,
)
from automodel_core.errors import InputError

USUAL = SegmentThresholds()


def masks(*rows: str) -> torch.Tensor:
    """Return probabilities of three queries, 0.9 where a row has the query's letter, else 0.1."""
    table = [[[0.9 if letter == name else 0.1 for letter in row] for row in rows] for name in "abc"]
    return torch.tensor(table)


def test_run_lengths_go_down_the_columns() -> None:
    mask = torch.tensor([[0, 1, 1], [1, 1, 0]])
    rle = mask_to_rle(mask)
    assert rle == {"size": [2, 3], "counts": [1, 4, 1]}
    assert mask_to_rle(mask.flip(0))["counts"] == [0, 1, 1, 2, 1, 1]
    assert torch.equal(rle_to_mask(rle), mask.bool())
    for each in (torch.ones(3, 4), torch.zeros(2, 5), torch.randn(7, 9) > 0):
        assert torch.equal(rle_to_mask(mask_to_rle(each)), each.bool())
    with pytest.raises(InputError, match="hold 5 pixels, and its size is 2 x 3"):
        rle_to_mask({"size": [2, 3], "counts": [1, 4]})


def test_outlines() -> None:
    square = polygons_to_mask([[1, 1, 4, 1, 4, 3, 1, 3]], 5, 6)
    expected = torch.zeros(5, 6, dtype=torch.bool)
    expected[1:3, 1:4] = True
    assert torch.equal(square, expected)
    both = polygons_to_mask([[1, 1, 4, 1, 4, 3, 1, 3], [0, 4, 2, 4, 2, 5, 0, 5]], 5, 6)
    expected[4, :2] = True
    assert torch.equal(both, expected)
    beyond = polygons_to_mask([[-5, -5, 50, -5, 50, 50, -5, 50]], 5, 6)
    assert beyond.all()
    assert not polygons_to_mask([], 5, 6).any()
    for polygon in ([1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7]):
        with pytest.raises(InputError, match="at least three corners"):
            polygons_to_mask([polygon], 5, 6)


def test_segments_are_told_by_their_pixels() -> None:
    found = segmentation_to_rle(torch.tensor([[0, 1, 1], [1, 0, 2]]))
    assert found == [[1, 1, 5, 1], [2, 3], [6, 1]]


def test_segments_have_numbers_of_their_own_also_behind_fused_ones() -> None:
    probabilities = masks("aab", "aab", "ccc")
    segmentation, infos = panoptic_segments(
        probabilities, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([5, 7, 5]), USUAL, {5}
    )
    assert segmentation.tolist() == [[1, 1, 2], [1, 1, 2], [1, 1, 1]]
    assert [(each["id"], each["label_id"], each["was_fused"]) for each in infos] == [
        *((1, 5, True), (2, 7, False), (1, 5, True))
    ]
    more = torch.cat([probabilities, torch.full((1, 3, 3), 0.05)])
    more[:, 2, 2] = torch.tensor([0.1, 0.1, 0.1, 0.99])
    labels, scores = torch.tensor([5, 7, 5, 9]), torch.tensor([0.9, 0.8, 0.7, 0.9])
    loose = SegmentThresholds(overlap=0.6)
    _, infos = panoptic_segments(more, scores, labels, loose, {5})
    assert [each["id"] for each in infos] == [1, 2, 1, 3]
    assert infos[0]["score"] == 0.9


def test_a_segment_must_keep_most_of_its_mask() -> None:
    probabilities = masks("aab", "aab", "aab")
    probabilities[1, :, 1:] = 0.85  # of the second query, which is weaker there
    scores, labels = torch.tensor([0.9, 0.9, 0.9]), torch.tensor([1, 2, 3])
    segmentation, infos = panoptic_segments(probabilities, scores, labels, USUAL)
    assert [each["label_id"] for each in infos] == [1]
    assert segmentation.tolist() == [[1, 1, 0]] * 3


def test_four_pixels_of_five_are_enough() -> None:
    probabilities = torch.tensor([[0.9, 0.9, 0.9, 0.9, 0.8], [0.1, 0.1, 0.1, 0.1, 0.9]])[:, None]
    found = panoptic_segments(probabilities, torch.ones(2), torch.tensor([3, 4]), USUAL)
    assert [each["label_id"] for each in found[1]] == [3, 4]


def test_queries_that_are_not_sure_give_no_segment() -> None:
    logits = torch.tensor([[[9.0, 0, 0], [0, 0, 9]], [[0.1, 0, 0], [0, 0, 9]]])
    shown = torch.where(masks("ab", "ab")[:2] > 0.5, 9.0, -9.0).expand(2, -1, -1, -1)
    sure, unsure = segments_of_queries(logits, shown, USUAL, target_sizes=[(4, 4), (2, 6)])
    assert sure["segmentation"].shape == (4, 4)
    assert [each["label_id"] for each in sure["segments_info"]] == [0]
    assert unsure["segmentation"].shape == (2, 6)
    assert unsure["segmentation"].eq(-1).all()
    assert unsure["segments_info"] == []
    with pytest.raises(InputError, match="1 target_sizes were given for 2 images"):
        segments_of_queries(logits, shown, USUAL, target_sizes=[(4, 4)])


def test_classes_that_queries_vote_for() -> None:
    logits = torch.tensor([[[0.0, 9, 0], [9, 0, 0]]])
    shown: Any = torch.where(masks("ab", "ab")[:2] > 0.5, 9.0, -9.0)[None]
    (found,) = query_segmentation(logits, shown)
    assert found["segmentation"].tolist() == [[1, 0], [1, 0]]
    (larger,) = query_segmentation(logits, shown, torch.tensor([[4, 4]]))
    assert larger["segmentation"].tolist() == [[1, 1, 0, 0]] * 4
    assert larger["segmentation_scores"].shape == (2, 4, 4)
