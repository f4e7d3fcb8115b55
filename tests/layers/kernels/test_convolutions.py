"""Convolutions over time: the same numbers by other products, and torch's own with gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers
from automodel_core.layers.kernels import convolutions
from automodel_core.layers.kernels.convolutions import convolve_samples, convolve_widely


def wide(kind: type[Any], size: int, kernel: int, groups: int) -> Any:
    torch.manual_seed(0)
    more = {"norm_dim": 2} if kind is layers.WeightNormConv1d else {}
    return kind(size, size, kernel, padding=kernel // 2, groups=groups, **more)


@pytest.mark.parametrize("kind", [nn.Conv1d, layers.WeightNormConv1d])
@pytest.mark.parametrize("kernel", [64, 65, 128])
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (2, 99), (3, 400)])
def test_a_wide_kernel(kind: type[Any], kernel: int, batch: int, time: int) -> None:
    layer, inputs = wide(kind, 12, kernel, 3), torch.randn(batch, 12, time)
    expected = layer(inputs)
    with torch.no_grad():
        found = convolve_widely(layer, inputs, kernel)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.equal(found, expected)


def test_the_spectra_follow_the_weights() -> None:
    layer, inputs = wide(layers.WeightNormConv1d, 4, 64, 1), torch.randn(1, 4, 30)
    with torch.inference_mode():
        first = convolve_widely(layer, inputs, 64)
    with torch.no_grad():
        torch.testing.assert_close(convolve_widely(layer, inputs, 64), first)
        layer.weight_g.data.mul_(2.0)
        doubled = convolve_widely(layer, inputs, 64)
    torch.testing.assert_close(doubled, layer(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("channels", "batch", "samples"), [(5, 1, 200), (512, 2, 4000)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("act", [F.gelu, torch.relu])
def test_samples(channels: int, batch: int, samples: int, bias: bool, act: Any) -> None:
    torch.manual_seed(0)
    layer, norm = nn.Conv1d(1, channels, 10, 5, bias=bias), nn.GroupNorm(channels, channels)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    waveforms = torch.randn(batch, 1, samples) * 0.1 + 0.5
    expected = act(norm(layer(waveforms)))
    with torch.no_grad():
        found = convolve_samples(layer, norm, waveforms, act)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_silence(level: float) -> None:
    layer, norm = nn.Conv1d(1, 8, 10, 5), nn.GroupNorm(8, 8)
    waveforms = torch.full((1, 1, 300), level)
    with torch.no_grad():
        found = convolve_samples(layer, norm, waveforms, torch.tanh)
        expected = torch.tanh(norm(layer(waveforms)))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (3, 1, 2)]
)
def test_a_norm_of_what_does_not_learn(
    kernel: int, stride: int, dilation: int, frozen: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    layer = layers.NormedConv(40, 48, kernel, stride, dilation)
    norm = layer.normalization
    for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        values.data.uniform_(0.5, 2.0)
    if frozen:
        layers.freeze_batch_norms(layer)
    layer.to(dtype).eval()
    for shape in ((2, 40, 33, 30), (1, 40, 1, 2)):
        maps = torch.randn(shape, dtype=dtype)
        expected = layer(maps)
        assert expected.requires_grad
        with torch.inference_mode():
            torch.testing.assert_close(layer(maps), expected, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(
                layer(maps.transpose(2, 3).contiguous().transpose(2, 3)),
                expected,
                rtol=1e-5,
                atol=1e-5,
            )


def calls(layer: nn.Conv1d, waveforms: Tensor, widely: bool) -> Tensor:
    if widely:
        return convolve_widely(layer, waveforms, 64)
    norm = nn.GroupNorm(4, 4, dtype=waveforms.dtype)
    return convolve_samples(layer, norm, waveforms, torch.relu)


@pytest.mark.parametrize("widely", [True, False])
def test_gradients_hooks_and_other_precisions_are_torchs(monkeypatch, widely: bool) -> None:
    def refuse(*_: object) -> Tensor:
        raise AssertionError

    monkeypatch.setattr(convolutions, "by_spectra", refuse)
    monkeypatch.setattr(convolutions, "multiply", refuse)
    layer = nn.Conv1d(1, 4, 64, padding=32 if widely else 0)
    waveforms = torch.randn(1, 1, 100)
    calls(layer, waveforms, widely).sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        seen: list[Tensor] = []
        with layer.register_forward_hook(lambda *given: seen.append(given[-1])):
            calls(layer, waveforms, widely)
        assert len(seen) == 1
        calls(layer.double(), waveforms.double(), widely)
