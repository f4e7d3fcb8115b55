"""Losses against plain formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.modeling.losses.image import pixel_class_loss
from automodel_core.modeling.losses.labels import classification_loss
from automodel_core.modeling.losses.text import next_token_loss, span_loss, token_loss

LOGITS = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([[1, -100, 3, 4], [-100, -100, 0, 2]])


def surprise(logits: Tensor, label: int) -> Tensor:
    return logits.exp().sum().log() - logits[label]


def test_tokens() -> None:
    counted = [(r, c) for r in range(2) for c in range(4) if LABELS[r, c] >= 0]
    expected = sum(surprise(LOGITS[r, c], int(LABELS[r, c])) for r, c in counted) / len(counted)
    torch.testing.assert_close(token_loss(LOGITS, LABELS), expected)


@pytest.mark.parametrize("items", [None, 9])
def test_next_tokens(items: int | None) -> None:
    counted = [(r, c) for r in range(2) for c in range(3) if LABELS[r, c + 1] >= 0]
    total = sum(surprise(LOGITS[r, c], int(LABELS[r, c + 1])) for r, c in counted)
    expected = total / (items or len(counted))
    torch.testing.assert_close(next_token_loss(LOGITS, LABELS, items), expected)


def test_one_class_each() -> None:
    logits, labels = LOGITS[:, 0], torch.tensor([4, 0])
    expected = (surprise(logits[0], 4) + surprise(logits[1], 0)) / 2
    for problem in (None, "single_label_classification"):
        torch.testing.assert_close(classification_loss(logits, labels, 5, problem), expected)


def test_several_classes_each() -> None:
    logits, labels = LOGITS[:, 0], torch.tensor([[0, 1.0, 1, 0, 0], [1, 0, 0, 0, 0]])
    chance = 1 / (1 + torch.exp(-logits))
    expected = -(labels * chance.log() + (1 - labels) * (1 - chance).log()).mean()
    for problem in (None, "multi_label_classification"):
        torch.testing.assert_close(classification_loss(logits, labels, 5, problem), expected)


def test_numbers() -> None:
    logits, labels = LOGITS[:, 0, :1], torch.tensor([0.5, -1.0])
    expected = ((logits[:, 0] - labels) ** 2).mean()
    torch.testing.assert_close(classification_loss(logits, labels, 1, None), expected)
    several = torch.rand(2, 5)
    expected = ((LOGITS[:, 0] - several) ** 2).mean()
    torch.testing.assert_close(
        classification_loss(LOGITS[:, 0], several, 5, "regression"), expected
    )


def test_spans() -> None:
    starts, ends = LOGITS[0, :, :].T[:2], LOGITS[1, :, :].T[:2]
    first, last = torch.tensor([1, 9]), torch.tensor([[3], [0]])
    expected = surprise(starts[0], 1) + (surprise(ends[0], 3) + surprise(ends[1], 0)) / 2
    torch.testing.assert_close(span_loss(starts, ends, first, last), expected / 2)


def test_half_precision_is_summed_in_single() -> None:
    found = token_loss(LOGITS.bfloat16(), LABELS)
    assert found.dtype == torch.float32


def test_labels_are_whole_numbers() -> None:
    with pytest.raises(InputError, match=r"integers, got torch\.float32"):
        token_loss(LOGITS, LABELS.float())


@pytest.mark.parametrize("labels", [torch.tensor([0, 13]), torch.tensor([-5, 1])])
def test_labels_beyond_the_classes_are_named(labels: Tensor) -> None:
    scores = torch.zeros(2, 3)
    for loss in (token_loss, lambda a, b: classification_loss(a, b, 3, None)):
        with pytest.raises(InputError, match=r"labels must lie between 0 and 2.*reach from"):
            loss(scores, labels)
        with pytest.raises(InputError, match="3 labels were given for 2 scores"):
            loss(scores, torch.tensor([0, 1, 2]))


PIXEL_LABELS = torch.tensor([[[0, 1], [255, 2]], [[255, 255], [1, 255]]])


def test_classes_of_pixels() -> None:
    scores = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    places = (PIXEL_LABELS != 255).nonzero().tolist()
    losses = [surprise(scores[b, :, r, c], int(PIXEL_LABELS[b, r, c])) for b, r, c in places]
    expected = torch.stack(losses).mean()
    torch.testing.assert_close(pixel_class_loss(scores, PIXEL_LABELS, 255), expected)
    small = scores[..., :1, :1]
    wide = small.expand(-1, -1, 2, 2)
    torch.testing.assert_close(
        pixel_class_loss(small, PIXEL_LABELS, 255), pixel_class_loss(wide, PIXEL_LABELS, 255)
    )


def test_a_single_class_is_in_a_pixel_or_not() -> None:
    scores = torch.tensor([[[[2.0, -1.0], [0.0, 3.0]]]])
    labels = torch.tensor([[[1, 0], [255, 1]]])
    expected = (-(torch.tensor([2.0, 1.0, 3.0]).sigmoid().log())).sum() / 4
    torch.testing.assert_close(pixel_class_loss(scores, labels, 255), expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(2, 4, 4), "got torch.float32"),
        (torch.zeros(1, 4, 4).long(), r"\(2, height, width\)"),
        (torch.zeros(2, 1, 4, 4).long(), r"of \(2, 1, 4, 4\)"),
        (torch.full((2, 4, 4), 3), "between 0 and 2, or be 255"),
    ],
)
def test_wrong_classes_of_pixels_are_named(labels: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pixel_class_loss(torch.zeros(2, 3, 2, 2), labels, 255)
