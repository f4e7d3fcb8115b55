"""Losses of predicted sets: each query learns the object that it was matched with, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from automodel_core.detection.boxes import center_to_corners, paired_generalized_iou
from automodel_core.detection.matching import Pairs

__all__ = [
    "box_losses",
    "cardinality_error",
    "class_loss",
    "cross_entropy_loss",
    "dice_loss",
    "focal_loss",
    "mask_losses",
    "mean_count",
    "stacked_masks",
]

Targets = Sequence[Mapping[str, Tensor]]


def mean_count(targets: Targets, device: torch.device) -> Tensor:
    """Return how many objects a process has on average, at least one."""
    count = torch.tensor(float(sum(len(each["class_labels"]) for each in targets)), device=device)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(count)
        count = count / dist.get_world_size()
    return count.clamp(min=1.0)


def class_loss(logits: Tensor, targets: Targets, pairs: Sequence[Pairs], nothing: float) -> Tensor:
    """Return the mean cross-entropy of ``(batch, queries, classes + 1)``.

    The last class is "no object", which counts ``nothing`` times as much as the others.
    """
    last = logits.shape[-1] - 1
    classes = torch.full(logits.shape[:2], last, device=logits.device)
    classes[queries_of(pairs)] = of_pairs(targets, pairs, "class_labels").to(logits.device)
    weight = torch.ones(last + 1, device=logits.device, dtype=logits.dtype)
    weight[-1] = nothing
    return F.cross_entropy(logits.transpose(1, 2), classes, weight)


@torch.no_grad()
def cardinality_error(logits: Tensor, targets: Targets) -> Tensor:
    """Return by how many objects the predictions are off, to be logged."""
    counted = (logits.argmax(-1) != logits.shape[-1] - 1).sum(1)
    there = torch.tensor([len(each["class_labels"]) for each in targets], device=logits.device)
    return F.l1_loss(counted.float(), there.float())


def box_losses(
    boxes: Tensor, targets: Targets, pairs: Sequence[Pairs], count: Tensor
) -> dict[str, Tensor]:
    """Return distance and misfit of matched boxes ``(batch, queries, 4)``, divided by ``count``."""
    found = boxes[queries_of(pairs)]
    wanted = of_pairs(targets, pairs, "boxes").to(found)
    fit = paired_generalized_iou(center_to_corners(found), center_to_corners(wanted))
    return {
        "loss_bbox": F.l1_loss(found, wanted, reduction="none").sum() / count,
        "loss_giou": (1 - fit).sum() / count,
    }


def mask_losses(
    masks: Tensor, targets: Targets, pairs: Sequence[Pairs], count: Tensor
) -> dict[str, Tensor]:
    """Return the losses of matched masks ``(batch, queries, rows, columns)``.

    They are resized to the ``masks`` of the targets, ``(objects, height, width)``.
    """
    found = masks[queries_of(pairs)]
    wanted = stacked_masks([each["masks"] for each in targets])[objects_of(pairs)].to(found)
    size = wanted.shape[-2:]
    found = F.interpolate(found[:, None], size=size, mode="bilinear", align_corners=False)
    found, wanted = found[:, 0].flatten(1), wanted.flatten(1)
    return {
        "loss_mask": focal_loss(found, wanted, count),
        "loss_dice": dice_loss(found, wanted, count),
    }


def cross_entropy_loss(logits: Tensor, labels: Tensor, count: Tensor) -> Tensor:
    """Return the cross-entropy of masks ``(count, pixels)``.

    It is the mean over pixels, and the sum over masks divided by ``count``.
    """
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return losses.mean(1).sum() / count


def focal_loss(
    logits: Tensor, labels: Tensor, count: Tensor, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Return the focal loss of masks ``(count, pixels)`` (https://arxiv.org/abs/1708.02002).

    It is the mean over pixels, and the sum over masks divided by ``count``.
    """
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    shares = logits.sigmoid()
    wrong = shares + labels - 2 * shares * labels
    weight = alpha * labels + (1 - alpha) * (1 - labels)
    return (weight * losses * wrong**gamma).mean(1).sum() / count


def dice_loss(logits: Tensor, labels: Tensor, count: Tensor) -> Tensor:
    """Return how little masks ``(count, pixels)`` overlap with theirs, divided by ``count``."""
    shares = logits.sigmoid()
    overlap = 2 * (shares * labels).sum(1)
    return (1 - (overlap + 1) / (shares.sum(1) + labels.sum(1) + 1)).sum() / count


def stacked_masks(masks: Sequence[Tensor]) -> Tensor:
    """Return masks ``(objects, height, width)`` of images as one batch, zeros right and below.

    The objects of an image with fewer than another are followed by empty masks.
    """
    shape = [max(each.shape[axis] for each in masks) for axis in range(3)]
    stacked = masks[0].new_zeros(len(masks), *shape)
    for number, each in enumerate(masks):
        stacked[number, : each.shape[0], : each.shape[1], : each.shape[2]] = each
    return stacked


def queries_of(pairs: Sequence[Pairs]) -> tuple[Tensor, Tensor]:
    """Return the images and queries of all pairs, to index ``(batch, queries, ...)`` with."""
    return _indices([queries for queries, _ in pairs])


def objects_of(pairs: Sequence[Pairs]) -> tuple[Tensor, Tensor]:
    """Return the images and objects of all pairs, to index ``(batch, objects, ...)`` with."""
    return _indices([objects for _, objects in pairs])


def of_pairs(targets: Targets, pairs: Sequence[Pairs], name: str) -> Tensor:
    """Return what the targets say of the objects of all pairs, in their order."""
    return torch.cat(
        [target[name][objects] for target, (_, objects) in zip(targets, pairs, strict=True)]
    )


def _indices(numbers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    images = [torch.full_like(each, image) for image, each in enumerate(numbers)]
    return torch.cat(images), torch.cat(list(numbers))
