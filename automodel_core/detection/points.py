"""Masks compared at some of their places, the doubtful ones (https://arxiv.org/abs/1912.08193)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.detection.losses import (
    cross_entropy_loss,
    dice_loss,
    objects_of,
    queries_of,
    stacked_masks,
)
from automodel_core.detection.matching import Pairs

__all__ = ["PointSampling", "sample_at", "sampled_mask_losses"]


def sample_at(maps: Tensor, places: Tensor) -> Tensor:
    """Return maps ``(batch, channels, rows, columns)`` at places, interpolated.

    ``places`` ``(batch, points, 2)`` are x and y as shares of width and height. The result, of
    their type, is ``(batch, channels, points)``.
    """
    grid = 2 * places[:, :, None] - 1
    return F.grid_sample(maps.to(grid.dtype), grid, align_corners=False)[..., 0]


@dataclass(frozen=True)
class PointSampling:
    """At how many ``points`` masks are compared, and which.

    Of those that a mask learns at, ``unsure`` is the share of the least sure ones among
    ``oversampling`` times as many; the others are anywhere.
    """

    points: int
    oversampling: float
    unsure: float

    def anywhere(self, masks: Tensor) -> Tensor:
        """Return places ``(1, points, 2)`` for all masks."""
        return drawn_places(masks, 1, self.points)

    @torch.no_grad()
    def where_unsure(self, masks: Tensor) -> Tensor:
        """Return places ``(count, points, 2)`` for each of the masks ``(count, rows, columns)``."""
        count = int(self.unsure * self.points)
        drawn = drawn_places(masks, len(masks), int(self.points * self.oversampling))
        doubts = -sample_at(masks[:, None], drawn)[:, 0].abs()
        most = doubts.topk(count, dim=1).indices
        chosen = drawn.gather(1, most[..., None].expand(-1, -1, 2))
        others = drawn_places(masks, len(masks), self.points - count)
        return torch.cat([chosen, others], dim=1)


def drawn_places(masks: Tensor, count: int, points: int) -> Tensor:
    """Return places ``(count, points, 2)`` where masks are, in single precision at least."""
    dtype = torch.promote_types(masks.dtype, torch.float32)
    return torch.rand(count, points, 2, dtype=dtype, device=masks.device)


def sampled_mask_losses(
    masks: Tensor,
    targets: Sequence[Mapping[str, Tensor]],
    pairs: Sequence[Pairs],
    count: Tensor,
    sampling: PointSampling,
) -> dict[str, Tensor]:
    """Return the losses of matched masks ``(batch, queries, rows, columns)`` at sampled places.

    ``masks`` of the targets ``(objects, height, width)`` may have any size.
    """
    found = masks[queries_of(pairs)]
    wanted = stacked_masks([each["masks"] for each in targets])[objects_of(pairs)]
    places = sampling.where_unsure(found)
    logits, labels = (sample_at(each[:, None], places)[:, 0] for each in (found, wanted))
    return {
        "loss_mask": cross_entropy_loss(logits, labels, count),
        "loss_dice": dice_loss(logits, labels, count),
    }
