"""Normalisation layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["RMSNorm", "layer_norm"]


def layer_norm(size: int, eps: float = 1e-5, bias: bool = True) -> nn.LayerNorm:
    """Return an ``nn.LayerNorm``, whose first values are set only where there is memory for them.

    A load builds dozens of these, and attributes of modules are slow to set.
    """
    weight = torch.empty(size)
    if not weight.is_meta:
        return nn.LayerNorm(size, eps=eps, bias=bias)
    norm = nn.LayerNorm.__new__(nn.LayerNorm)
    nn.Module.__init__(norm)
    vars(norm).update(normalized_shape=(size,), eps=eps, elementwise_affine=True)
    norm.register_parameter("weight", nn.Parameter(weight))
    norm.register_parameter("bias", nn.Parameter(torch.empty(size)) if bias else None)
    return norm


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
