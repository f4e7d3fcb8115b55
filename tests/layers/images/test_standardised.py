"""Convolutions with standardised weights, and padding by size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from automodel_core.layers import StandardisedConv2d, same_padding


@pytest.mark.parametrize("edge", range(5, 12))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_as_many_windows_fit_as_strides(edge: int, stride: int) -> None:
    padded = same_padding(torch.ones(1, 1, edge, 9), 3, stride)
    assert len(range(0, padded.shape[2] - 2, stride)) == -(-edge // stride)
    missing = padded.shape[2] - edge
    assert not padded[0, 0, : missing // 2].any()
    assert padded[0, 0, missing // 2, padded.shape[3] // 2] == 1


@pytest.mark.parametrize(("padding", "size"), [(1, (4, 5)), ("same", (4, 5)), (0, (3, 4))])
def test_weights_have_mean_0_and_variance_1(padding: int | str, size: tuple[int, int]) -> None:
    conv = StandardisedConv2d(2, 3, 3, stride=2, padding=padding, eps=0.0)
    conv.weight.data.mul_(7).add_(3)
    images = torch.randn(1, 2, 8, 10)
    weight = conv.weight.detach().flatten(1)
    weight = (weight - weight.mean(1, keepdim=True)) / weight.std(1, correction=0, keepdim=True)
    padded = same_padding(images, 3, 2) if padding == "same" else F.pad(images, [int(padding)] * 4)
    expected = F.conv2d(padded, weight.view(3, 2, 3, 3), stride=2)
    assert expected.shape[2:] == size
    torch.testing.assert_close(conv(images).detach(), expected)
