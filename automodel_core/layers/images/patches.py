"""Images as sequences: cut into patches, each of which becomes a vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.convolutions import convolve_patches

__all__ = ["PatchEmbedding", "PatchPositions", "edges", "patch_grid", "resampled_positions"]


def edges(size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width of a size that is one number for both, or two."""
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width


def patch_grid(image_size: int | Sequence[int], patch_size: int | Sequence[int]) -> tuple[int, int]:
    """Return how many patches fit below and beside each other."""
    (height, width), (patch_height, patch_width) = edges(image_size), edges(patch_size)
    return height // patch_height, width // patch_width


class PatchEmbedding(nn.Module):
    """Project each patch of an image, row by row (https://arxiv.org/abs/2010.11929)."""

    def __init__(
        self,
        channels: int,
        hidden_size: int,
        patch_size: int | Sequence[int],
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        patch = edges(patch_size)
        self.projection = nn.Conv2d(channels, hidden_size, patch, stride=patch, bias=bias)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return ``(batch, patches, hidden_size)`` for ``(batch, channels, height, width)``.

        What is left right and below of the last whole patch is not seen.
        """
        expected = self.projection.in_channels
        if pixel_values.dim() != 4 or pixel_values.shape[1] != expected:
            raise ValueError(
                f"pixel_values must be (batch, {expected}, height, width), got "
                f"{tuple(pixel_values.shape)}"
            )
        return convolve_patches(self.projection, pixel_values.to(self.projection.weight.dtype))


class PatchPositions(nn.Module):
    """A learned token before the patches of an image, and a learned position for each.

    Positions are resampled in float32 to the grid of each image, ``bicubic`` or ``bilinear``.
    """

    def __init__(
        self, hidden_size: int, grid: tuple[int, int], *, mode: str, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.grid, self.mode, self.dropout = grid, mode, dropout
        self.cls_token = nn.Parameter(torch.zeros(1, 1, hidden_size))
        positions = 1 + grid[0] * grid[1]
        self.position_embeddings = nn.Parameter(torch.zeros(1, positions, hidden_size))

    def placed(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return ``(batch, 1 + patches, hidden_size)`` for patches of a grid, row by row."""
        return F.dropout(self.joined(patches, grid), self.dropout, self.training)

    def joined(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return the token and the patches, their positions added."""
        learned: Tensor = self.position_embeddings
        if grid != self.grid:
            learned = self.resampled(learned.float(), grid)
        token = self.cls_token.expand(patches.shape[0], -1, -1)
        return torch.cat([token, patches], dim=1) + learned.to(patches.dtype)

    def resampled(self, learned: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return the positions for another grid."""
        return resampled_positions(learned, 1, self.grid, grid, self.mode)


def resampled_positions(
    positions: Tensor,
    leading: int,
    old: tuple[int, int],
    new: tuple[int, int],
    mode: str = "bicubic",
    *,
    antialias: bool = False,
) -> Tensor:
    """Return learned positions ``(1, leading + patches, size)`` for another grid of patches.

    The ``leading`` ones, of tokens that are no patches, stay; between the others is interpolated.
    """
    if old == new:
        return positions
    tokens, patches = positions[:, :leading], positions[:, leading:]
    grid = patches.unflatten(1, old).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, new, mode=mode, align_corners=False, antialias=antialias)
    return torch.cat([tokens, grid.flatten(2).transpose(1, 2)], dim=1)
