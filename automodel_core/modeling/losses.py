"""Training losses, one a task; labels of -100 do not count."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["classification_loss", "next_token_loss", "span_loss", "token_loss"]


def token_loss(logits: Tensor, labels: Tensor, num_items_in_batch: int | None = None) -> Tensor:
    """Return the mean cross-entropy of ``(..., classes)`` against ``(...)``.

    With ``num_items_in_batch`` the sum is divided by it, as gradient accumulation over uneven
    batches needs.
    """
    scores, targets = logits.reshape(-1, logits.shape[-1]).float(), _flat(labels, logits)
    if num_items_in_batch is None:
        return F.cross_entropy(scores, targets)
    return F.cross_entropy(scores, targets, reduction="sum") / num_items_in_batch


def next_token_loss(
    logits: Tensor, labels: Tensor, num_items_in_batch: int | None = None
) -> Tensor:
    """Return the `token_loss` of each position's scores against the token that follows it."""
    return token_loss(logits[:, :-1], labels[:, 1:], num_items_in_batch)


def classification_loss(
    logits: Tensor, labels: Tensor, num_labels: int, problem_type: str | None
) -> Tensor:
    """Return the loss of ``(batch, labels)`` scores for a problem type.

    If it is ``None``, the labels tell: one label is a regression, integer labels name one class
    each, others are several at once.
    """
    labels = labels.to(logits.device)
    if problem_type is None:
        if num_labels == 1:
            problem_type = "regression"
        elif labels.dtype in (torch.long, torch.int):
            problem_type = "single_label_classification"
        else:
            problem_type = "multi_label_classification"
    if problem_type == "regression":
        if num_labels == 1:
            return F.mse_loss(logits.squeeze(), labels.squeeze())
        return F.mse_loss(logits, labels)
    if problem_type == "single_label_classification":
        return F.cross_entropy(logits.view(-1, num_labels), labels.view(-1))
    return F.binary_cross_entropy_with_logits(logits, labels)


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
