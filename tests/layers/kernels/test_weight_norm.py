"""Convolutions of directions and lengths are those of torch, and train as theirs do."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from automodel_core import layers


@pytest.mark.parametrize("norm_dim", [0, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_it_computes_what_torch_does(norm_dim: int, groups: int) -> None:
    torch.manual_seed(0)
    expected = weight_norm(
        nn.Conv1d(4, 6, 3, padding=4, dilation=4, groups=groups), dim=norm_dim
    )  # fmt: skip
    found = layers.WeightNormConv1d(
        4, 6, 3, padding=4, dilation=4, groups=groups, norm_dim=norm_dim
    )
    weights = expected.parametrizations.weight
    found.weight_g.data.copy_(weights.original0)
    found.weight_v.data.copy_(weights.original1)
    found.bias.data.copy_(expected.bias)
    inputs = torch.randn(2, 4, 11)
    torch.testing.assert_close(found(inputs), expected(inputs), rtol=0, atol=0)
    found(inputs).square().sum().backward()
    expected(inputs).square().sum().backward()
    torch.testing.assert_close(found.weight_v.grad, weights.original1.grad)
    torch.testing.assert_close(found.weight_g.grad, weights.original0.grad)


def test_its_first_weight_is_a_convolutions() -> None:
    conv = layers.WeightNormConv1d(4, 6, 3)
    torch.testing.assert_close(conv.weight, conv.weight_v)
    again = pickle.loads(pickle.dumps(conv))
    inputs = torch.randn(1, 4, 5)
    assert torch.equal(again(inputs), conv(inputs))


def test_it_is_built_without_memory() -> None:
    with torch.device("meta"):
        conv = layers.WeightNormConv1d(4, 6, 3, norm_dim=2)
    assert all(parameter.is_meta for parameter in conv.parameters())
    assert conv.weight_g.shape == (1, 1, 3)
