"""The losses of predicted tokens and of answers in a text; labels of -100 do not count."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.modeling.losses.classes import ItemCount, batch_mean, class_loss

__all__ = ["next_token_loss", "replaced_token_loss", "span_loss", "token_loss"]


def token_loss(logits: Tensor, labels: Tensor, num_items_in_batch: ItemCount = None) -> Tensor:
    """Return the `batch_mean` of the cross-entropy of ``(..., classes)`` against ``(...)``."""
    scores, targets = logits.reshape(-1, logits.shape[-1]).float(), _flat(labels, logits)
    return batch_mean(class_loss, scores, targets, num_items_in_batch)


def next_token_loss(logits: Tensor, labels: Tensor, num_items_in_batch: ItemCount = None) -> Tensor:
    """Return the `token_loss` of each position's scores against the token that follows it."""
    return token_loss(logits[:, :-1], labels[:, 1:], num_items_in_batch)


def replaced_token_loss(
    logits: Tensor,
    labels: Tensor,
    attention_mask: Tensor | None = None,
    num_items_in_batch: ItemCount = None,
) -> Tensor:
    """Return the `batch_mean` of the binary cross-entropy of scores and labels ``(batch, length)``.

    Tokens that ``attention_mask`` hides do not count.
    """
    labels = labels.to(logits.device)
    counted = labels != -100
    if attention_mask is not None:
        counted = counted & (attention_mask == 1)
    scores, targets = logits[counted], labels[counted].to(logits.dtype)
    return batch_mean(F.binary_cross_entropy_with_logits, scores, targets, num_items_in_batch)


def span_loss(start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Return the mean loss of a span's two ends; positions beyond the sequence do not count."""
    length = start_logits.shape[1]
    losses = []
    for logits, positions in ((start_logits, starts), (end_logits, ends)):
        targets = positions.squeeze(-1) if positions.dim() > 1 else positions
        targets = targets.to(logits.device).clamp(0, length)
        losses.append(F.cross_entropy(logits, targets, ignore_index=length))
    return (losses[0] + losses[1]) / 2


def _flat(labels: Tensor, logits: Tensor) -> Tensor:
    if labels.is_floating_point():
        raise InputError(f"labels name tokens or classes and must be integers, got {labels.dtype}")
    return labels.reshape(-1).to(logits.device)
