"""Losses of pairs that belong together, in a batch where all others do not.

Both take scores ``(batch, batch)`` whose diagonal is that of the pairs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["sigmoid_contrastive_loss", "softmax_contrastive_loss"]


def softmax_contrastive_loss(scores: Tensor) -> Tensor:
    """Return the mean cross-entropy of each row's and each column's partner.

    See https://arxiv.org/abs/2103.00020.
    """
    partners = torch.arange(scores.shape[0], device=scores.device)
    return (F.cross_entropy(scores, partners) + F.cross_entropy(scores.t(), partners)) / 2


def sigmoid_contrastive_loss(scores: Tensor) -> Tensor:
    """Return the sum of each row's binary cross-entropies, in the mean over rows.

    See https://arxiv.org/abs/2303.15343.
    """
    targets = torch.eye(scores.shape[0], dtype=scores.dtype, device=scores.device)
    losses = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    return losses.sum(dim=-1).mean()
