"""What masks learn: to cover an object, and to know how well they do."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.detection import dice_loss, focal_loss
from automodel_core.errors import InputError

FOCAL_WEIGHT = 20.0


def prompted_mask_loss(masks: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of masks ``(batch, prompts, masks, rows, columns)`` and of their scores.

    Of several masks of a prompt the best one learns; each score learns its mask's overlap
    (https://arxiv.org/abs/2304.02643). ``labels`` are ``(batch, height, width)``, or ``(batch,
    prompts, height, width)``, and above 0 where the object is.
    """
    wanted = labels if labels.dim() == 4 else labels[:, None]
    if labels.dim() not in (3, 4) or wanted.shape[0] != masks.shape[0]:
        raise InputError(
            f"labels have shape {tuple(labels.shape)}, expected ({masks.shape[0]}, height, width), "
            "or one mask for each prompt: (batch, prompts, height, width)"
        )
    wanted = (wanted > 0).to(masks).expand(-1, masks.shape[1], -1, -1).flatten(0, 1)
    found = masks.flatten(0, 1)
    if found.shape[-2:] != wanted.shape[-2:]:
        found = F.interpolate(found, wanted.shape[-2:], mode="bilinear", align_corners=False)
    found, wanted = found.flatten(2), wanted.flatten(1)[:, None].expand(-1, found.shape[1], -1)
    one = found.new_ones(())
    pairs = zip(found.flatten(0, 1), wanted.flatten(0, 1), strict=True)
    losses = [
        FOCAL_WEIGHT * focal_loss(mask[None], label[None], one)
        + dice_loss(mask[None], label[None], one)
        for mask, label in pairs
    ]
    best = torch.stack(losses).view(found.shape[:2]).amin(dim=1)
    return best.mean() + F.mse_loss(scores.flatten(0, 1), overlap(found, wanted))


@torch.no_grad()
def overlap(masks: Tensor, labels: Tensor) -> Tensor:
    """Return the share of pixels that masks above 0 and labels have in common."""
    shown, wanted = masks > 0, labels > 0
    common = (shown & wanted).sum(-1)
    return (common / (shown | wanted).sum(-1).clamp(min=1)).to(masks)
