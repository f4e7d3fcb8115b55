"""Cross-entropy of classes, which says what is wrong with labels."""

from __future__ import annotations

from typing import Literal, Protocol

import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["ItemCount", "batch_mean", "class_loss"]

ItemCount = Tensor | int | None
"""How many labels count in a whole batch of which a forward sees a part; ``None``: only its own."""


class Loss(Protocol):
    """A loss of scores and labels, as those of ``torch.nn.functional``."""

    def __call__(
        self, scores: Tensor, labels: Tensor, /, *, reduction: Literal["mean", "sum"]
    ) -> Tensor: ...


def batch_mean(
    loss: Loss, scores: Tensor, labels: Tensor, num_items_in_batch: ItemCount = None
) -> Tensor:
    """Return the mean loss, or the sum divided by the labels that count in the whole batch.

    The parts of a batch whose gradients are accumulated add up to the batch's mean, however
    unevenly its labels are spread over them.
    """
    if num_items_in_batch is None:
        return loss(scores, labels, reduction="mean")
    if isinstance(num_items_in_batch, Tensor):
        num_items_in_batch = num_items_in_batch.to(scores.device)
    return loss(scores, labels, reduction="sum") / num_items_in_batch


def class_loss(
    scores: Tensor, labels: Tensor, reduction: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Return the cross-entropy of ``(count, classes)`` against ``(count,)``; -100 does not count.

    Raises `InputError` for another number of labels and, where the device tells, for labels that
    are no class.
    """
    if scores.shape[0] != labels.shape[0]:
        raise InputError(f"{labels.shape[0]} labels were given for {scores.shape[0]} scores")
    try:
        return F.cross_entropy(scores, labels, reduction=reduction)
    except IndexError as error:
        counted = labels[labels != -100]
        raise InputError(
            f"labels must lie between 0 and {scores.shape[1] - 1}, or be -100 where they do not "
            f"count; those given reach from {int(counted.min())} to {int(counted.max())}"
        ) from error
