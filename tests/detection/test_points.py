"""Masks are compared at sampled places."""

from __future__ import annotations

import pytest
import torch

from automodel_core.detection import (
    PointSampling,
    cross_entropy_loss,
    dice_loss,
    sample_at,
    sampled_mask_losses,
)


def test_places_are_shares_of_edges() -> None:
    plane = torch.arange(6.0).view(1, 1, 2, 3)
    places = torch.tensor([[[1 / 6, 0.25], [5 / 6, 0.75], [0.5, 0.5], [0.0, 0.25]]])
    # Behind the edge is 0.
    torch.testing.assert_close(sample_at(plane, places), torch.tensor([[[0.0, 5.0, 2.5, 0.0]]]))
    halved = sample_at(plane.bfloat16(), places)
    assert halved.dtype == torch.float32


def test_most_places_are_where_a_mask_is_unsure() -> None:
    """The left half of a mask is sure, the right one is not."""
    mask = torch.zeros(2, 8, 8)
    mask[:, :, :4] = 50.0
    torch.manual_seed(0)
    places = PointSampling(40, 4.0, 0.75).where_unsure(mask)
    assert places.shape == (2, 40, 2)
    assert (places[:, :30, 0] > 0.4).all()
    assert (places[:, 30:, 0] < 0.4).any()
    assert ((places >= 0) & (places <= 1)).all()
    assert PointSampling(40, 4.0, 0.75).where_unsure(mask[:0]).shape == (0, 40, 2)


@pytest.mark.parametrize("objects", [0, 2])
def test_losses_are_those_of_the_places(objects: int) -> None:
    chance = torch.Generator().manual_seed(0)
    masks = torch.randn(1, 3, 8, 8, generator=chance).requires_grad_()
    wanted = (torch.rand(objects, 20, 16, generator=chance) > 0.5).float()
    pairs = [(torch.arange(objects), torch.arange(objects).flip(0))]
    sampling, count = PointSampling(30, 2.0, 0.5), torch.tensor(2.0)
    torch.manual_seed(0)
    found = sampled_mask_losses(masks, [{"masks": wanted}], pairs, count, sampling)
    torch.manual_seed(0)
    places = sampling.where_unsure(masks[0, :objects])
    logits = sample_at(masks[0, :objects, None], places)[:, 0]
    labels = sample_at(wanted.flip(0)[:, None], places)[:, 0]
    assert found["loss_mask"] == cross_entropy_loss(logits, labels, count)
    assert found["loss_dice"] == dice_loss(logits, labels, count)
    sum(found.values()).backward()  # type: ignore[union-attr]
    assert masks.grad is not None
    assert bool(masks.grad.any()) is (objects > 0)
