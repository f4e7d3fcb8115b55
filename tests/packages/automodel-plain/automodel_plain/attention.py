"""An attention kernel of two products."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def plain_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    dropout: float,
    scale: float,
) -> Tensor:
    """Attend by two matrix products."""
    scores = query @ key.transpose(-1, -2) * scale
    if is_causal:
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, torch.finfo(scores.dtype).min)
    if mask is not None:
        scores = scores + mask
    return F.dropout(scores.softmax(-1), dropout) @ value
