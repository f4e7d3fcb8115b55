"""Attention by angles: scores, scales, positions, and what is kept."""

from __future__ import annotations

import math

import pytest
import torch

from automodel_core.layers import equal_heads
from automodel_core.layers.images.cosine import ContinuousPositions, CosineAttention


def drawn(window: int = 3, heads: int = 2, trained: int = 0) -> ContinuousPositions:
    positions = ContinuousPositions(window, heads, trained)
    for parameter in positions.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return positions


def test_scores_are_scaled_cosines() -> None:
    torch.manual_seed(0)
    attention = CosineAttention(equal_heads(8, 2), position_scores=drawn())
    with torch.no_grad():
        attention.q_norm.logit_scale.copy_(torch.tensor([1.5, 9.0]).view(2, 1, 1))
    states = torch.randn(4, 9, 8)
    _, weights = attention(states, output_attentions=True)
    assert weights is not None
    query, key = (
        layer(states).view(4, 9, 2, 4).transpose(1, 2)
        for layer in (attention.q_proj, attention.k_proj)
    )
    cosines = torch.cosine_similarity(query[:, :, :, None], key[:, :, None], dim=-1)
    scale = torch.tensor([math.exp(1.5), 100.0]).view(2, 1, 1)  # no scale is above 100
    expected = cosines * scale + attention.position_scores(query, key)
    torch.testing.assert_close(weights, expected.softmax(-1))


@pytest.mark.parametrize(("window", "trained"), [(3, 0), (4, 2), (1, 0)])
def test_positions_are_functions_of_the_offsets_logarithms(window: int, trained: int) -> None:
    torch.manual_seed(0)
    positions = drawn(window, 2, trained)
    query = torch.zeros(1, 2, window**2, 4)
    found = positions(query, query)
    assert found.shape == (1, 2, window**2, window**2)
    for one in range(window**2):
        for other in range(window**2):
            offset = torch.tensor([one // window - other // window, one % window - other % window])
            far = 8 * offset / max((trained or window) - 1, 1)
            logs = far.sign() * torch.log2(far.abs() + 1) / 3
            expected = 16 * positions.mlp(logs).sigmoid()
            torch.testing.assert_close(found[0, :, one, other], expected)


def test_kept_positions_follow_their_weights() -> None:
    positions = drawn()
    query = torch.zeros(1, 2, 9, 4)
    with torch.no_grad():
        first = positions(query, query)
        assert positions(query, query) is first
        positions.mlp[0].bias.add_(0.5)
        second = positions(query, query)
    assert not torch.equal(first, second)
    learning = positions(query, query)
    assert torch.equal(learning, second)
    assert learning.requires_grad
    assert positions.half()(query, query).dtype == torch.float16
