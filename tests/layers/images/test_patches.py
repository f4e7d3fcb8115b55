"""Images as sequences of patches, with positions for grids of any shape."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from automodel_core.layers.images.patches import (
    PatchEmbedding,
    edges,
    patch_grid,
    resampled_positions,
)


def test_sizes_are_one_number_or_two() -> None:
    assert edges(3) == (3, 3)
    assert edges([4, 5]) == (4, 5)
    assert patch_grid(15, [4, 5]) == (3, 3)
    with pytest.raises(ValueError, match="unpack"):
        edges([1, 2, 3])


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("patch_size", [4, (2, 5), [3, 1], 1])
def test_a_patch_is_projected_as_a_vector(
    patch_size: int | tuple[int, int], gradients: bool
) -> None:
    embed = PatchEmbedding(2, 7, patch_size)
    images = torch.randn(3, 2, 9, 11)
    with torch.set_grad_enabled(gradients):
        found = embed(images)
    assert found.requires_grad == gradients
    rows, columns = patch_grid((9, 11), patch_size)
    assert found.shape == (3, rows * columns, 7)
    height, width = edges(patch_size)
    weight = embed.projection.weight.flatten(1)
    for row in range(rows):
        for column in range(columns):
            patch = images[:, :, row * height : (row + 1) * height]
            patch = patch[..., column * width : (column + 1) * width].flatten(1)
            expected = F.linear(patch, weight, embed.projection.bias)
            torch.testing.assert_close(found[:, row * columns + column], expected)


def test_images_take_the_precision_of_the_weights() -> None:
    embed = PatchEmbedding(1, 4, 2).bfloat16()
    assert embed(torch.zeros(1, 1, 4, 4)).dtype == torch.bfloat16
    for shape in ((1, 2, 4, 4), (1, 4, 4)):
        with pytest.raises(ValueError, match=r"must be \(batch, 1, height, width\)"):
            embed(torch.zeros(shape))


def test_positions_of_the_same_grid_stay() -> None:
    positions = torch.randn(1, 2 + 6, 5)
    assert resampled_positions(positions, 2, (2, 3), (2, 3)) is positions


def cubic(distance: float) -> float:
    """Return the weight of a neighbour in cubic convolution, a = -0.75 (Keys, 1981)."""
    x, a = abs(distance), -0.75
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def between(old: int, new: int) -> torch.Tensor:
    """Return the weights ``(new, old)`` of old positions in new ones; edges are repeated."""
    weights = torch.zeros(new, old, dtype=torch.float64)
    for index in range(new):
        place = (index + 0.5) * old / new - 0.5
        for neighbour in range(math.floor(place) - 1, math.floor(place) + 3):
            weights[index, min(max(neighbour, 0), old - 1)] += cubic(place - neighbour)
    return weights.float()


@pytest.mark.parametrize("new", [(2, 9), (4, 6), (7, 3), (1, 1)])
def test_positions_of_another_grid_are_cubic_means_of_neighbours(new: tuple[int, int]) -> None:
    positions = torch.randn(1, 2 + 12, 5)
    found = resampled_positions(positions, 2, (4, 3), new)
    assert torch.equal(found[:, :2], positions[:, :2])
    grid = positions[0, 2:].view(4, 3, 5)
    expected = torch.einsum("ij,jkc,lk->ilc", between(4, new[0]), grid, between(3, new[1]))
    torch.testing.assert_close(found[0, 2:], expected.flatten(0, 1))


@pytest.mark.parametrize("gradients", [True, False])
def test_images_smaller_than_a_patch(gradients: bool) -> None:
    with (
        torch.set_grad_enabled(gradients),
        pytest.raises(RuntimeError, match=r"[Kk]ernel size can't be greater"),
    ):
        PatchEmbedding(1, 4, 8)(torch.zeros(1, 1, 16, 7))
