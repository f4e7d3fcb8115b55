"""Feed-forward parts, activations and norms against their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.activations import ACTIVATIONS, activation
from automodel_core.layers.feed_forward import FeedForward, GatedFeedForward
from automodel_core.layers.kernels.norms import RMSNorm


def phi(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def tanh_gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: x * phi(x),
    "gelu_10": lambda x: (x * phi(x)).clamp(-10, 10),
    "gelu_accurate": tanh_gelu,
    "gelu_fast": tanh_gelu,
    "gelu_new": tanh_gelu,
    "gelu_python": lambda x: x * phi(x),
    "gelu_python_tanh": tanh_gelu,
    "gelu_pytorch_tanh": tanh_gelu,
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "laplace": lambda x: 0.5 * (1 + torch.erf((x - 0.707107) / (0.282095 * math.sqrt(2)))),
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "linear": lambda x: x,
    "mish": lambda x: x * torch.tanh(torch.log1p(torch.exp(x))),
    "quick_gelu": lambda x: x / (1 + torch.exp(-1.702 * x)),
    "relu": lambda x: x.clamp(min=0),
    "relu2": lambda x: x.clamp(min=0) ** 2,
    "relu6": lambda x: x.clamp(0, 6),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "silu": silu,
    "sqrtsoftplus": lambda x: torch.log1p(torch.exp(x)) ** 0.5,
    "swish": silu,
    "tanh": lambda x: (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1),
}


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_their_formulas(name: str) -> None:
    inputs = torch.linspace(-12, 12, 97, dtype=torch.float64)
    expected = FORMULAS[name](inputs)
    torch.testing.assert_close(activation(name)(inputs), expected, rtol=1e-5, atol=1e-5)


def test_an_unknown_activation_names_the_known() -> None:
    with pytest.raises(ValueError, match=r"'gelux'.*gelu_new"):
        activation("gelux")


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 70])
def test_prepared_equals_forward_equals_the_formula(kind: type, bias: bool, rows: int) -> None:
    torch.manual_seed(0)
    part = kind(6, 10, activation="silu", bias=bias, dropout=0.5).eval()
    inputs = torch.randn(rows, 6)
    wide = part.up_proj(inputs)
    gated = kind is GatedFeedForward
    wide = F.silu(part.gate_proj(inputs)) * wide if gated else F.silu(wide)
    with torch.no_grad():
        expected = part.down_proj(wide)
        torch.testing.assert_close(part(inputs), expected)
        torch.testing.assert_close(part.decode_step(rows)(inputs), expected)


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
def test_the_last_layer_may_be_more_precise(kind: type) -> None:
    part = kind(6, 10).eval().to(torch.bfloat16)
    part.down_proj.float()
    inputs = torch.randn(2, 6).bfloat16()
    with torch.no_grad():
        found = part(inputs)
        assert found.dtype == torch.float32
        torch.testing.assert_close(part.decode_step(2)(inputs), found, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
def test_dropout_acts_in_training_only(kind: type) -> None:
    part = kind(6, 50, dropout=0.5)
    inputs = torch.randn(2, 6)
    assert not torch.equal(part(inputs), part(inputs))
    part.eval()
    assert torch.equal(part(inputs), part(inputs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_root_mean_square_norm(dtype: torch.dtype) -> None:
    norm = RMSNorm(8, eps=1e-3).to(dtype)
    nn.init.normal_(norm.weight, 1.0, 0.3)
    inputs = (10 * torch.randn(3, 8)).to(dtype)
    exact = inputs.double()
    expected = norm.weight.double() * exact / (exact.square().mean(-1, keepdim=True) + 1e-3).sqrt()
    found = norm(inputs)
    assert found.dtype == dtype
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-10}.get(dtype, 0.02)
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)


def test_a_norm_in_half_precision_takes_single_precision_states() -> None:
    norm = RMSNorm(8).half()
    found = norm(torch.randn(2, 8) * 1e5)
    assert found.dtype == torch.float16
    assert bool(found.isfinite().all())
