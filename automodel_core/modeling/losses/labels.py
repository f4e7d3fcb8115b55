"""The loss of scores for labels of whole inputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.modeling.losses.classes import ItemCount, batch_mean, class_loss

__all__ = ["classification_loss"]


def classification_loss(
    logits: Tensor,
    labels: Tensor,
    num_labels: int,
    problem_type: str | None,
    num_items_in_batch: ItemCount = None,
) -> Tensor:
    """Return the `batch_mean` of the loss of ``(batch, labels)`` scores for a problem type.

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
            logits, labels = logits.squeeze(), labels.squeeze()
        return batch_mean(F.mse_loss, logits, labels, num_items_in_batch)
    if problem_type == "single_label_classification":
        logits, labels = logits.view(-1, num_labels), labels.view(-1)
        return batch_mean(class_loss, logits, labels, num_items_in_batch)
    return batch_mean(F.binary_cross_entropy_with_logits, logits, labels, num_items_in_batch)
