"""Normalisation layers that torch lacks or names otherwise."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["RMSNorm"]


class RMSNorm(nn.Module):
    """Scale to unit root mean square, without centring (https://arxiv.org/abs/1910.07467)."""

    def __init__(self, size: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.dtype != self.weight.dtype:
            return self.weight * F.rms_norm(inputs, self.weight.shape, eps=self.eps).to(
                self.weight.dtype
            )
        return F.rms_norm(inputs, self.weight.shape, self.weight, self.eps)
