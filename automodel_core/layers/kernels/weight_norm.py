"""Convolutions whose weights are held as directions and lengths."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["WeightNormConv1d"]


class WeightNormConv1d(nn.Module):
    """A convolution with the weight ``weight_g * weight_v / |weight_v|``.

    ``weight_g`` has a length for each index of dimension ``norm_dim`` of the weight, which is
    ``(out, in / groups, kernel)``. See https://arxiv.org/abs/1602.07868.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        dilation: int = 1,
        padding: int = 0,
        groups: int = 1,
        norm_dim: int = 0,
    ) -> None:
        super().__init__()
        plain = nn.Conv1d(in_channels, out_channels, kernel_size, groups=groups)
        self.dilation = dilation
        self.padding = padding
        self.groups = groups
        self.norm_dim = norm_dim
        lengths = torch.norm_except_dim(plain.weight.detach(), 2, norm_dim)
        self.weight_g = nn.Parameter(lengths)
        self.weight_v = plain.weight
        self.bias = plain.bias

    @property
    def weight(self) -> Tensor:
        """The weight as it is applied."""
        weight: Tensor = torch.ops.aten._weight_norm(self.weight_v, self.weight_g, self.norm_dim)
        return weight

    def forward(self, inputs: Tensor) -> Tensor:
        return F.conv1d(
            inputs,
            self.weight,
            self.bias,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
