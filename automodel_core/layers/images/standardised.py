"""Convolutions that pad by the image's size, and that standardise their weights."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["StandardisedConv2d", "same_padding"]


def same_padding(images: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad with zeros so that ``ceil(edge / stride)`` windows fit, the odd one right and below."""
    height, width = (
        max((-(-edge // stride) - 1) * stride + kernel - edge, 0) for edge in images.shape[-2:]
    )
    left, top = width // 2, height // 2
    return F.pad(images, (left, width - left, top, height - top))


class StandardisedConv2d(nn.Conv2d):
    """A convolution whose weights have mean 0 and variance 1 (https://arxiv.org/abs/1903.10520).

    ``padding`` is that on each side, or ``"same"``, which depends on the size of the image.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: int | str = 0,
        eps: float = 1e-6,
    ) -> None:
        self.pads_by_size = isinstance(padding, str) and stride > 1
        sides = dilation * (kernel_size - 1) // 2 if isinstance(padding, str) else padding
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            dilation=dilation,
            padding=0 if self.pads_by_size else sides,
            bias=False,
        )
        self.eps = eps

    def forward(self, images: Tensor) -> Tensor:
        if self.pads_by_size:
            window = self.dilation[0] * (self.kernel_size[0] - 1) + 1
            images = same_padding(images, window, self.stride[0])
        flat = self.weight.flatten(1)
        weight = F.layer_norm(flat, flat.shape[1:], eps=self.eps).view_as(self.weight)
        maps: Tensor = self._conv_forward(images, weight, None)
        return maps
