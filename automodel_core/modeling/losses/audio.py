"""Losses of scores for the frames of a recording, and for who speaks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError

__all__ = ["MarginSoftmaxLoss", "connectionist_loss"]


def connectionist_loss(
    logits: Tensor,
    labels: Tensor,
    lengths: Tensor,
    blank: int,
    *,
    reduction: str = "sum",
    zero_infinity: bool = False,
) -> Tensor:
    """Return the CTC loss (https://www.cs.toronto.edu/~graves/icml_2006.pdf) of symbols.

    ``logits`` are ``(batch, frames, symbols)``, of which ``lengths`` frames count; negative labels
    are padding. ``zero_infinity`` makes a row's loss 0 where it has more labels than frames.
    """
    if labels.max() >= logits.shape[-1]:
        raise InputError(
            f"the label {int(labels.max())} is none of the {logits.shape[-1]} symbols (vocab_size)"
        )
    counted = labels >= 0
    scores = F.log_softmax(logits, dim=-1, dtype=torch.float32).transpose(0, 1)
    with torch.backends.cudnn.flags(enabled=False):
        loss: Tensor = F.ctc_loss(
            scores,
            labels.masked_select(counted),
            lengths,
            counted.sum(-1),
            blank,
            reduction,
            zero_infinity,
        )
    return loss


class MarginSoftmaxLoss(nn.Module):
    """A softmax over cosines, that of the label smaller by a margin (AM-softmax).

    See https://arxiv.org/abs/1801.05599. ``weight`` is ``(size, labels)``.
    """

    def __init__(self, size: int, num_labels: int, scale: float = 30.0, margin: float = 0.4):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, num_labels))
        self.scale = scale
        self.margin = margin

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of vectors ``(batch, size)``."""
        cosines = F.normalize(vectors, dim=1) @ F.normalize(self.weight, dim=0)
        labels = labels.flatten()
        margins = self.margin * F.one_hot(labels, self.weight.shape[1])
        return F.cross_entropy(self.scale * (cosines - margins), labels)
