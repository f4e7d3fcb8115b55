"""Spans that training hides (SpecAugment, https://arxiv.org/abs/1904.08779)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["span_mask"]


def span_mask(
    rows: int,
    length: int,
    probability: float,
    span: int,
    *,
    lengths: Sequence[int] | None = None,
    least: int = 0,
) -> Tensor:
    """Draw which steps are hidden, ``(rows, length)``, by torch's generator.

    About ``probability`` of each row's steps are covered by spans that may overlap, at least
    ``least`` of them, as far as they fit into the row's own of ``lengths``.
    """
    mask = torch.zeros(rows, length, dtype=torch.bool)
    rounding = torch.rand(()).item()
    for row, own in zip(mask, lengths or [length] * rows, strict=True):
        starts = max(own - span + 1, 0)
        wanted = max(int(probability * own / span + rounding), least)
        count = min(wanted, length // span, starts)
        for start in torch.randperm(starts)[:count].tolist():
            row[start : start + span] = True
    return mask
