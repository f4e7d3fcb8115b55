"""Cross-entropy of classes, which says what is wrong with labels."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["class_loss"]


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
