"""Rotary positions turn queries and keys so that their products know distances alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from automodel_core.layers.positions.rotary import RotaryEmbedding
from automodel_core.layers.positions.rotary_scaling import RotaryScaling


def states(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def turned_by_hand(vector: list[float], position: int, theta: float) -> list[float]:
    """Turn the pairs of a vector, feature ``i`` with that in the other half, by their angles."""
    half = len(vector) // 2
    found = [0.0] * len(vector)
    for pair in range(half):
        angle = position * theta ** (-pair / half)
        first, second = vector[pair], vector[pair + half]
        found[pair] = first * math.cos(angle) - second * math.sin(angle)
        found[pair + half] = second * math.cos(angle) + first * math.sin(angle)
    return found


def test_pairs_turn_by_the_angle_of_their_position() -> None:
    inputs, positions = states(1, 1, 3, 6), [0, 5, 2]
    rotation = RotaryEmbedding(6, theta=100.0)(torch.tensor([positions]), torch.float32)
    expected = [
        turned_by_hand(vector.tolist(), position, 100.0)
        for vector, position in zip(inputs[0, 0], positions, strict=True)
    ]
    torch.testing.assert_close(rotation(inputs)[0, 0], torch.tensor(expected))


def test_products_know_the_distance_alone() -> None:
    rotary, query, key = RotaryEmbedding(8), states(1, 2, 1, 8), states(1, 2, 1, 8, seed=2)
    found = [
        (rotary(torch.tensor([[a]]), torch.float32)(query)
        * rotary(torch.tensor([[b]]), torch.float32)(key)).sum(-1)
        for a, b in ((7, 3), (104, 100))
    ]  # fmt: skip
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_features_beyond_the_turned_ones_stay() -> None:
    inputs, positions = states(2, 3, 4, 10), torch.arange(4)[None]
    found = RotaryEmbedding(6)(positions, torch.float32)(inputs)
    torch.testing.assert_close(found[..., 6:], inputs[..., 6:], rtol=0, atol=0)
    whole = RotaryEmbedding(6)(positions, torch.float32)(inputs[..., :6].contiguous())
    torch.testing.assert_close(found[..., :6], whole)


def test_rows_have_positions_of_their_own() -> None:
    inputs = states(2, 1, 2, 4)
    both = RotaryEmbedding(4)(torch.tensor([[0, 1], [5, 6]]), torch.float32)(inputs)
    for row, first in enumerate((0, 5)):
        alone = RotaryEmbedding(4)(torch.tensor([[first, first + 1]]), torch.float32)
        torch.testing.assert_close(both[row : row + 1], alone(inputs[row : row + 1]))


def test_angles_are_exact_whatever_the_precision_of_the_states() -> None:
    rotation = RotaryEmbedding(4)(torch.tensor([[1001]]), torch.bfloat16)
    exact = RotaryEmbedding(4)(torch.tensor([[1001]]), torch.float32)
    assert rotation.cos.dtype == torch.bfloat16
    torch.testing.assert_close(rotation.cos, exact.cos.bfloat16(), rtol=0, atol=0)


SCALED = {
    "linear": {"factor": 4.0},
    "dynamic": {"factor": 4.0},
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 32},
    "llama3": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    },
    "longrope": {
        "short_factor": [1.0, 1.5, 2.0, 3.0],
        "long_factor": [2.0, 4.0, 6.0, 8.0],
        "original_max_position_embeddings": 32,
    },
}


@pytest.mark.parametrize("kind", SCALED)
def test_no_scaling_turns_faster_than_the_plain_one(kind: str) -> None:
    plain = RotaryScaling().frequencies(8, 10_000.0, torch.tensor(200))
    rotary = RotaryEmbedding.of(8, {"rope_type": kind, **SCALED[kind]}, 64)
    scaled = rotary.frequencies(torch.arange(200)[None])
    assert bool((scaled <= plain + 1e-7).all())
    assert bool((scaled < plain).any())


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_some_scalings_follow_the_length(kind: str) -> None:
    rotary = RotaryEmbedding.of(8, {"rope_type": kind, **SCALED[kind]}, 64)
    short, long = (rotary.frequencies(torch.tensor([[length - 1]])) for length in (20, 200))
    assert not torch.equal(short, long)
    torch.testing.assert_close(rotary.frequencies(torch.tensor([[19]])), short)


def test_a_configuration_says_how_many_features_turn() -> None:
    parameters = {"rope_theta": 500.0, "partial_rotary_factor": 0.5}
    rotary = RotaryEmbedding.of(16, parameters, 64)
    assert (rotary.features, rotary.theta, rotary.scaling) == (8, 500.0, RotaryScaling())


def test_what_cannot_be_scaled_is_refused() -> None:
    with pytest.raises(ValueError, match="rope_type='spiral' is not available; default, dynamic"):
        RotaryEmbedding.of(8, {"rope_type": "spiral"}, 64)
    with pytest.raises(ValueError, match="rope_type='llama3' needs the key 'low_freq_factor'"):
        RotaryEmbedding.of(8, {"rope_type": "llama3", "factor": 2.0}, 64)


def test_a_trace_leaves_nothing_behind() -> None:
    rotary = RotaryEmbedding(8)

    class Turned(torch.nn.Module):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            positions = torch.arange(states.shape[2])[None]
            return rotary(positions, states.dtype)(states)

    states = torch.randn(1, 2, 5, 8)
    sizes = ({2: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(
        Turned(), (states[:, :, :4].clone(),), dynamic_shapes=sizes
    ).module()
    torch.testing.assert_close(program(states), Turned()(states))
