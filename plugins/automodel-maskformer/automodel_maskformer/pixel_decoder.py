"""The pyramid that makes the coarse maps of a backbone fine again (FPN, arXiv:1612.03144)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_maskformer.configuration import GROUPS


class GroupNormedConv(nn.Module):
    """A convolution that keeps the size, and a norm of groups of channels."""

    def __init__(self, channels: int, outputs: int, kernel_size: int, bias: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, outputs, kernel_size, padding=kernel_size // 2, bias=bias)
        self.norm = nn.GroupNorm(GROUPS, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(maps))
        return normed


class PyramidLayer(nn.Module):
    """A coarse map, made as large as a finer one and mixed with it.

    ``mode`` is how it is made larger, as `torch.nn.functional.interpolate` names it.
    """

    def __init__(self, channels: int, size: int, mode: str = "nearest") -> None:
        super().__init__()
        self.mode = mode
        self.lateral = GroupNormedConv(channels, size, 1)
        self.block = GroupNormedConv(size, size, 3)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        beside: Tensor = self.lateral(fine)
        enlarged = F.interpolate(coarse, size=beside.shape[-2:], mode=self.mode)
        return F.relu(self.block(beside + enlarged))


class PixelDecoder(nn.Module):
    """Turns maps, the finest first, into one of the finest's size with features of masks."""

    def __init__(self, channels: Sequence[int], size: int, mask_size: int) -> None:
        super().__init__()
        self.stem = GroupNormedConv(channels[-1], size, 3)
        self.layers = nn.ModuleList(PyramidLayer(wide, size) for wide in channels[-2::-1])
        self.mask_projection = nn.Conv2d(size, mask_size, kernel_size=3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return features of pixels ``(batch, mask_size, rows, columns)``, and the maps before."""
        seen = [F.relu(self.stem(maps[-1]))]
        for layer, fine in zip(self.layers, maps[-2::-1], strict=True):
            seen.append(layer(seen[-1], fine))
        return self.mask_projection(seen[-1]), seen[1:]
