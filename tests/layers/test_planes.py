"""Attention over planes adds learned offsets of rows and columns, whole or some rows at a time."""

from __future__ import annotations

import pytest
import torch

from automodel_core import layers
from automodel_core.layers.images import planes

ROWS, COLUMNS, SIZE, HEADS = 3, 4, 8, 2


@pytest.fixture
def attention() -> layers.PlaneAttention:
    torch.manual_seed(0)
    made = layers.PlaneAttention(layers.equal_heads(SIZE, HEADS), (ROWS, COLUMNS))
    torch.nn.init.normal_(made.rel_pos_h)
    torch.nn.init.normal_(made.rel_pos_w)
    return made


@torch.no_grad()
def test_weights_are_those_of_the_formula(attention: layers.PlaneAttention) -> None:
    states = torch.randn(2, ROWS * COLUMNS, SIZE)
    _, weights = attention(states, output_attentions=True)
    query, key = (
        each(states).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for each in (attention.q_proj, attention.k_proj)
    )
    scores = query @ key.transpose(-1, -2) * attention.scale
    for one in range(ROWS * COLUMNS):
        for other in range(ROWS * COLUMNS):
            below = one // COLUMNS - other // COLUMNS + ROWS - 1
            beside = one % COLUMNS - other % COLUMNS + COLUMNS - 1
            offset = attention.rel_pos_h[below] + attention.rel_pos_w[beside]
            scores[:, :, one, other] += query[:, :, one] @ offset
    torch.testing.assert_close(weights, scores.softmax(-1))


@torch.no_grad()
@pytest.mark.parametrize("most", [1, 2 * HEADS * COLUMNS * ROWS * COLUMNS * 2])
def test_some_rows_at_a_time_give_the_same(
    attention: layers.PlaneAttention, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = torch.randn(2, ROWS * COLUMNS, SIZE)
    expected = attention(states, output_attentions=True)
    monkeypatch.setattr(planes, "MOST_SCORES", most)
    torch.testing.assert_close(attention(states, output_attentions=True), expected)
    torch.testing.assert_close(attention(states)[0], expected[0])


@torch.no_grad()
def test_rows_may_share_what_they_attend_to() -> None:
    attention = layers.Attention(layers.equal_heads(SIZE, HEADS))
    several, one = torch.randn(6, 2, SIZE), torch.randn(2, 5, SIZE)
    found, weights = attention.between(several, one, one, output_attentions=True)
    repeated = one.repeat_interleave(3, 0)
    torch.testing.assert_close(found, attention.between(several, repeated, repeated)[0])
    assert weights is not None
    assert weights.shape == (6, HEADS, 2, 5)
    back = attention.between(one, several, several)[0]
    torch.testing.assert_close(back, attention.between(repeated, several, several)[0])
