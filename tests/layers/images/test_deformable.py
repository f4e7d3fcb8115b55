"""Deformable attention reads maps where its offsets say, and weighs what it reads."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from automodel_core import layers

SIZE, HEADS, POINTS = 8, 2, 3
SHAPES = [(2, 3), (4, 5)]
PLACES = sum(rows * columns for rows, columns in SHAPES)


@pytest.fixture
def attention() -> layers.DeformableAttention:
    torch.manual_seed(0)
    made = layers.DeformableAttention(SIZE, HEADS, len(SHAPES), POINTS)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


def read(plane: Tensor, x: float, y: float) -> Tensor:
    """Return a map ``(rows, columns, size)`` between its places, whose centres are at halves."""
    rows, columns, size = plane.shape
    total = torch.zeros(size)
    left, top = math.floor(x - 0.5), math.floor(y - 0.5)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < rows and 0 <= column < columns:
                share = (1 - abs(x - 0.5 - column)) * (1 - abs(y - 0.5 - row))
                total += share * plane[row, column]
    return total


@torch.no_grad()
@pytest.mark.parametrize("boxes", [False, True])
def test_states_are_those_of_the_formula(
    attention: layers.DeformableAttention, boxes: bool
) -> None:
    chance = torch.Generator().manual_seed(1)
    states = torch.randn(1, 4, SIZE, generator=chance)
    maps = torch.randn(1, PLACES, SIZE, generator=chance)
    references = torch.rand(1, 4, len(SHAPES), 4 if boxes else 2, generator=chance)
    found, weights = attention(states, maps, SHAPES, references)
    each = HEADS, len(SHAPES), POINTS
    offsets = attention.sampling_offsets(states[0]).view(4, *each, 2)
    expected = attention.attention_weights(states[0]).view(4, HEADS, -1).softmax(-1).view(4, *each)
    torch.testing.assert_close(weights[0], expected)
    values = attention.v_proj(maps[0]).split([rows * columns for rows, columns in SHAPES])
    seen = torch.zeros(4, HEADS, SIZE // HEADS)
    for query in range(4):
        for head in range(HEADS):
            for level, (rows, columns) in enumerate(SHAPES):
                plane = values[level].view(rows, columns, HEADS, -1)[:, :, head]
                box = references[0, query, level] * torch.tensor([columns, rows] * (boxes + 1))
                for point in range(POINTS):
                    moved = offsets[query, head, level, point]
                    if boxes:
                        moved = moved / POINTS * box[2:] / 2
                    x, y = (box[:2] + moved).tolist()
                    seen[query, head] += weights[0, query, head, level, point] * read(plane, x, y)
    torch.testing.assert_close(found[0], attention.o_proj(seen.flatten(1)), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_padding_is_not_seen_and_positions_choose(attention: layers.DeformableAttention) -> None:
    maps, places = torch.randn(2, PLACES, SIZE), torch.randn(1, PLACES, SIZE)
    centres = layers.map_centres(SHAPES, torch.float32, maps.device)
    assert centres.shape == (1, PLACES, 1, 2)
    assert centres[0, 4, 0].tolist() == pytest.approx([0.5, 0.75])
    shown = torch.rand(2, PLACES) > 0.3
    found, weights = attention(maps, maps, SHAPES, centres, positions=places, shown=shown)
    other = torch.where(shown[..., None], maps, 9.0)
    again, _ = attention(maps, other, SHAPES, centres, positions=places, shown=shown)
    torch.testing.assert_close(found, again)
    chosen = attention(maps + places, maps, SHAPES, centres, shown=shown)
    torch.testing.assert_close(chosen, (found, weights))


@torch.no_grad()
def test_at_first_heads_look_into_directions_of_their_own() -> None:
    attention = layers.DeformableAttention(SIZE, 4, 2, POINTS)
    offsets = attention.sampling_offsets(torch.randn(SIZE)).view(4, 2, POINTS, 2)
    ways = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    expected = ways[:, None, None] * torch.arange(1.0, POINTS + 1)[:, None]
    torch.testing.assert_close(offsets, expected.expand(-1, 2, -1, -1))
    assert not attention.attention_weights(torch.randn(SIZE)).any()


def test_what_cannot_be(attention: layers.DeformableAttention) -> None:
    with pytest.raises(ValueError, match="8 is not a multiple of 3"):
        layers.DeformableAttention(SIZE, 3, 1)
    maps = torch.zeros(1, PLACES, SIZE)
    with pytest.raises(ValueError, match="not 3"):
        attention(maps, maps, SHAPES, torch.zeros(1, PLACES, 2, 3))
