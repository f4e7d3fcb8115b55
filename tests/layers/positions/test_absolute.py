"""Embeddings of tokens and positions, against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.kernels.linear import look_up
from automodel_core.layers.positions.absolute import (
    LearnedPositions,
    PaddedSinusoidalPositions,
    ScaledEmbedding,
    SinusoidalPositions,
)


def embedded(length: int, size: int = 6, rows: int = 2) -> Tensor:
    return torch.zeros(rows, length, size)


def test_tokens_are_scaled() -> None:
    ids = torch.tensor([[3, 1, 0]])
    for scale in (1.0, 2.5):
        embedding = ScaledEmbedding(5, 4, 0, scale)
        expected = nn.functional.embedding(ids, embedding.weight) * scale
        torch.testing.assert_close(embedding(ids), expected)
    with pytest.raises(ValueError, match="between 0 and 4"):
        look_up(embedding, torch.tensor([[5]]))


@pytest.mark.parametrize("offset", [0, 2])
def test_learned_positions_begin_behind_the_offset(offset: int) -> None:
    positions = LearnedPositions(7, 6, offset)
    assert positions.weight.shape == (7 + offset, 6)
    torch.testing.assert_close(
        positions(None, embedded(4), PositionSpan(0, 4)), positions.weight[offset:][:4]
    )
    torch.testing.assert_close(
        positions(None, embedded(2), PositionSpan(5, 2)), positions.weight[offset + 5 :]
    )
    with pytest.raises(ValueError, match="8 positions are more than the 7"):
        positions(None, embedded(3), PositionSpan(5, 3))


@pytest.mark.parametrize("size", [6, 7])
def test_sinusoidal_positions_are_kept_with_the_weights(size: int) -> None:
    positions = SinusoidalPositions(9, size)
    half = math.ceil(size / 2)
    for place in range(9):
        for column in range(size):
            angle = place / 10_000 ** (2 * (column % half) / size)
            expected = math.sin(angle) if column < half else math.cos(angle)
            assert positions.weight[place, column].item() == pytest.approx(expected, abs=1e-6)
    assert list(positions.state_dict()) == ["weight"]
    assert not list(positions.parameters())
    torch.testing.assert_close(
        positions(None, embedded(3, size), PositionSpan(4, 3)), positions.weight[4:7]
    )
    with pytest.raises(ValueError, match="10 positions are more than the 9"):
        positions(None, embedded(1, size), PositionSpan(9, 1))


@pytest.mark.parametrize("size", [6, 7])
def test_padding_is_not_counted(size: int) -> None:
    positions = PaddedSinusoidalPositions(8, size, padding_idx=1)
    half = size // 2
    ids = torch.tensor([[1, 1, 5, 7, 9], [5, 7, 9, 1, 1]])
    found = positions(ids, embedded(5, size), PositionSpan(0, 5))
    torch.testing.assert_close(found[0, 2:], found[1, :3])
    assert not found[ids == 1].any()
    for place, row in enumerate(found[1, :3], start=2):
        for column in range(2 * half):
            angle = place * 10_000 ** (-(column % half) / (half - 1))
            expected = math.sin(angle) if column < half else math.cos(angle)
            assert row[column].item() == pytest.approx(expected, abs=1e-6)
        assert not row[2 * half :].any()
    assert not positions.state_dict()


def test_positions_without_tokens_count_everything() -> None:
    positions = PaddedSinusoidalPositions(8, 6, padding_idx=1)
    ids = torch.tensor([[5, 7, 9]])
    torch.testing.assert_close(
        positions(None, embedded(3), PositionSpan(0, 3)),
        positions(ids, embedded(3), PositionSpan(0, 3)),
        rtol=0,
        atol=0,
    )


@pytest.mark.parametrize("tokens", [True, False])
def test_the_table_grows_as_needed(tokens: bool) -> None:
    short, long = (PaddedSinusoidalPositions(n, 6, padding_idx=1) for n in (3, 90))
    ids = torch.full((1, 40), 5) if tokens else None
    whole = long(ids, embedded(40), PositionSpan(0, 40))
    torch.testing.assert_close(short(ids, embedded(40), PositionSpan(0, 40)), whole, rtol=0, atol=0)
    steps = [
        short(None if ids is None else ids[:, n : n + 1], embedded(1), PositionSpan(n, 1))[:, 0]
        for n in range(40)
    ]
    torch.testing.assert_close(torch.stack(steps, dim=1), whole, rtol=0, atol=0)
    assert short(ids, embedded(40).bfloat16(), PositionSpan(0, 40)).dtype == torch.bfloat16
