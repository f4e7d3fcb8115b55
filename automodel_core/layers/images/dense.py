"""From the states of patches to maps: reassembled at several scales, then fused.

See https://arxiv.org/abs/2103.13413; modules are named as checkpoints of its models name them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "FeatureFusion",
    "FeatureFusionStage",
    "NormedResidualConvUnit",
    "Reassemble",
    "ResidualConvUnit",
    "enlarged",
    "map_of_patches",
]


def map_of_patches(patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return ``(batch, size, rows, columns)``, a view of ``(batch, patches, size)``."""
    maps: Tensor = patches.unflatten(1, grid).permute(0, 3, 1, 2)
    return maps


def enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps of another height and width, whose corners are those of the maps given."""
    return F.interpolate(maps, size, mode="bilinear", align_corners=True)


class Reassemble(nn.Module):
    """Project a map to some channels, and make it ``factor`` times as large, or smaller."""

    def __init__(self, hidden_size: int, channels: int, factor: float) -> None:
        super().__init__()
        self.projection = nn.Conv2d(hidden_size, channels, kernel_size=1)
        self.resize: nn.Module = nn.Identity()
        if factor > 1:
            times = int(factor)
            self.resize = nn.ConvTranspose2d(channels, channels, kernel_size=times, stride=times)
        elif factor < 1:
            stride = int(1 / factor)
            self.resize = nn.Conv2d(channels, channels, kernel_size=3, stride=stride, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``(batch, channels, rows * factor, columns * factor)``."""
        resized: Tensor = self.resize(self.projection(maps))
        return resized


class ResidualConvUnit(nn.Module):
    """Activate and convolve twice, and add what entered."""

    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=bias)
        self.convolution2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=bias)

    def forward(self, maps: Tensor) -> Tensor:
        states = self.convolution1(F.relu(maps))
        total: Tensor = self.convolution2(F.relu_(states)).add_(maps)
        return total


class NormedResidualConvUnit(ResidualConvUnit):
    """The same, with a batch norm after each convolution."""

    def __init__(self, channels: int, *, bias: bool = False) -> None:
        super().__init__(channels, bias=bias)
        self.batch_norm1 = nn.BatchNorm2d(channels)
        self.batch_norm2 = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        states = self.batch_norm1(self.convolution1(F.relu(maps)))
        total: Tensor = self.batch_norm2(self.convolution2(F.relu_(states))).add_(maps)
        return total


class FeatureFusion(nn.Module):
    """Add a map of a lower layer to what is fused, refine the sum, and enlarge it.

    The projection comes before the enlargement, with which it commutes, as it costs less there.
    """

    def __init__(self, channels: int, unit: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, channels, kernel_size=1)
        self.residual_layer1 = unit()
        self.residual_layer2 = unit()

    def forward(self, fused: Tensor, lower: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Return ``(batch, channels, *size)``; the first map of all has nothing to be added."""
        if lower is not None:
            if lower.shape[-2:] != fused.shape[-2:]:
                lower = F.interpolate(lower, fused.shape[-2:], mode="bilinear")
            fused = fused + self.residual_layer1(lower)
        return enlarged(self.projection(self.residual_layer2(fused)), size)


class FeatureFusionStage(nn.Module):
    """Fuse maps from the last to the first, each doubled before the next is added."""

    def __init__(self, count: int, channels: int, unit: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(FeatureFusion(channels, unit) for _ in range(count))
        # Files hold it, and there is nothing that it could read.
        self.layers[0].residual_layer1.requires_grad_(False)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return what is fused after each map."""
        fused: list[Tensor] = []
        lower: list[Tensor | None] = [None, *reversed(maps[:-1])]
        for index, layer in enumerate(self.layers):
            entering = fused[-1] if fused else maps[-1]
            following = lower[index + 1] if index + 1 < len(lower) else None
            fused.append(layer(entering, lower[index], self.size_after(entering, following)))
        return fused

    def size_after(self, fused: Tensor, following: Tensor | None) -> tuple[int, int]:
        """Return the height and width that a map is enlarged to, before ``following`` is added."""
        return 2 * fused.shape[-2], 2 * fused.shape[-1]
