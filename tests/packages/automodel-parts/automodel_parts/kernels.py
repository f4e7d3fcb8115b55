"""An attention kernel of two products, and weights that are rounded to sixteen bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError


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


@torch.no_grad()
def round_weights(model: nn.Module, settings: Mapping[str, Any]) -> None:
    """Round the weights of linear layers to bfloat16; there are no settings."""
    if settings:
        raise InputError(f"weights='rounded' has no settings: {', '.join(settings)}")
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.copy_(module.weight.bfloat16())
    model.requires_grad_(False)
