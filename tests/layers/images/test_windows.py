"""Windows of patches: cut, shifted, put back, and told apart."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from automodel_core.layers.images.windows import (
    MergedPatches,
    MergedThenNormed,
    WindowPositions,
    Windows,
    between_windows,
    from_windows,
    to_windows,
)


def numbered(height: int, width: int, batch: int = 1) -> torch.Tensor:
    """Return states whose numbers say where they are: image, row, column, each from one on."""
    parts = [torch.arange(1.0, count + 1) for count in (batch, height, width)]
    return torch.stack(torch.meshgrid(*parts, indexing="ij"), dim=-1)


@pytest.mark.parametrize(("height", "width"), [(6, 9), (7, 8), (3, 3), (2, 10)])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_windows_put_back_are_what_they_were(height: int, width: int, shift: int) -> None:
    states = numbered(height, width, 2)
    windows = to_windows(states, 3, shift)
    assert windows.shape == (2 * -(-height // 3) * -(-width // 3), 9, 3)
    assert torch.equal(from_windows(windows, 3, shift, height, width), states)


def test_a_window_is_a_square_of_neighbours() -> None:
    windows = to_windows(numbered(4, 6, 2), 2, 0)
    assert windows[0].tolist() == [[1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2]]
    assert windows[1, 0].tolist() == [1, 1, 3]
    assert windows[6, 0].tolist() == [2, 1, 1]
    shifted = to_windows(numbered(4, 6), 2, 1)
    assert shifted[0].tolist() == [[1, 2, 2], [1, 2, 3], [1, 3, 2], [1, 3, 3]]
    assert shifted[-1].tolist() == [[1, 4, 6], [1, 4, 1], [1, 1, 6], [1, 1, 1]]


@pytest.mark.parametrize(("height", "width"), [(6, 9), (7, 8)])
def test_what_wraps_round_is_kept_apart(height: int, width: int) -> None:
    states = numbered(height, width, 2)
    mask = between_windows(states, 3, 1)
    assert mask is not None
    # Neighbours lie at most a window away; what a shift has brought together lies further apart.
    filled = F.pad(states, (0, 0, 0, -width % 3, 0, -height % 3))
    places = to_windows(numbered(*filled.shape[1:3], 2), 3, 1)[..., 1:]
    far = (places[:, :, None] - places[:, None]).abs().amax(-1) >= 3
    assert torch.equal(mask[:, 0] == -100.0, far)
    assert set(mask.unique().tolist()) == {-100.0, 0.0}
    assert between_windows(states, 3, 0) is None


@pytest.mark.parametrize(("height", "width"), [(6, 9), (7, 8), (2, 10)])
@pytest.mark.parametrize("shift", [0, 1])
def test_a_cut_is_found_once_for_all_layers(height: int, width: int, shift: int) -> None:
    states = numbered(height, width, 2)
    windows = Windows(states, 3, shift)
    for each in (states, 2 * states):
        cut = windows.cut(each)
        assert torch.equal(cut, to_windows(each, 3, shift))
        assert torch.equal(windows.put_back(cut), each)
    assert (windows.mask is None) == (shift == 0)


def test_the_same_way_has_the_same_number() -> None:
    positions = WindowPositions(3, 2)
    with torch.no_grad():
        positions.table.copy_(torch.arange(50.0).view(25, 2))
    query = torch.zeros(1, 2, 9, 4)
    found = positions(query, query)
    assert found.shape == (1, 2, 9, 9)
    ways: dict[tuple[int, int], set[float]] = {}
    for one in range(9):
        for other in range(9):
            way = (one // 3 - other // 3, one % 3 - other % 3)
            ways.setdefault(way, set()).add(found[0, 0, one, other].item())
    assert all(len(numbers) == 1 for numbers in ways.values())
    assert len({number for numbers in ways.values() for number in numbers}) == len(ways) == 25
    small = positions(query[:, :, :4], query[:, :, :4])
    assert small[0, 0].tolist() == [
        [found[0, 0, one, other].item() for other in (0, 1, 3, 4)] for one in (0, 1, 3, 4)
    ]


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 3)])
def test_four_patches_become_one(height: int, width: int) -> None:
    merge = MergedPatches(3)
    states = numbered(height, width, 2)
    found = merge(states)
    assert found.shape == (2, (height + 1) // 2, (width + 1) // 2, 6)
    squares = F.pad(states, (0, 0, 0, width % 2, 0, height % 2))
    corners = [squares[0, 2, 2], squares[0, 3, 2], squares[0, 2, 3], squares[0, 3, 3]]
    expected = merge.reduction(merge.norm(torch.cat(corners)))
    torch.testing.assert_close(found[0, 1, 1], expected)
    later = MergedThenNormed(3)
    expected = later.norm(later.reduction(torch.cat(corners)))
    torch.testing.assert_close(later(states)[0, 1, 1], expected)
