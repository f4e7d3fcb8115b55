"""Activation functions by the names that configurations use."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["ACTIVATIONS", "OVERWRITING", "Activation", "activation", "gelu_tanh"]

Activation = Callable[[Tensor], Tensor]

BLOCK = 1 << 16
"""Of how many numbers there is a copy in the cache."""

gelu_tanh = partial(F.gelu, approximate="tanh")


def quick_gelu(inputs: Tensor) -> Tensor:
    """Approximate GELU by a sigmoid, as https://github.com/hendrycks/GELUs proposes."""
    scaled = 1.702 * inputs
    if inputs.requires_grad and torch.is_grad_enabled():
        return inputs * torch.sigmoid(scaled)
    return scaled.sigmoid_().mul_(inputs)  # the same, in the memory of one


def quick_gelu_(inputs: Tensor) -> Tensor:
    """Do the same to some rows at a time, so that nothing large is allocated."""
    rows = inputs.view(-1, inputs.shape[-1])
    for some in rows.split(max(1, BLOCK // rows.shape[1])):
        some.mul_(some.mul(1.702).sigmoid_())
    return inputs


def gelu_clipped_to_ten(inputs: Tensor) -> Tensor:
    """Limit GELU to [-10, 10], for quantisation (https://arxiv.org/abs/2004.09602)."""
    return F.gelu(inputs).clamp(-10, 10)


def laplace(inputs: Tensor) -> Tensor:
    """Apply the Laplace function of Mega (https://arxiv.org/abs/2209.10655)."""
    return 0.5 * (
        1 + torch.erf((inputs - math.sqrt(0.5)) / (math.sqrt(1 / (4 * math.pi)) * math.sqrt(2)))
    )


def squared_relu(inputs: Tensor) -> Tensor:
    """Square the positive part, as Primer does (https://arxiv.org/abs/2109.08668)."""
    return F.relu(inputs).square()


def sqrt_softplus(inputs: Tensor) -> Tensor:
    """Take the root of a softplus, as DeepSeek's routers do."""
    return F.softplus(inputs).sqrt()


def identity(inputs: Tensor) -> Tensor:
    return inputs


ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_10": gelu_clipped_to_ten,
    "gelu_accurate": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_new": gelu_tanh,
    "gelu_python": F.gelu,
    "gelu_python_tanh": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "hardswish": F.hardswish,
    "laplace": laplace,
    "leaky_relu": F.leaky_relu,
    "linear": identity,
    "mish": F.mish,
    "quick_gelu": quick_gelu,
    "relu": F.relu,
    "relu2": squared_relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "sqrtsoftplus": sqrt_softplus,
    "swish": F.silu,
    "tanh": torch.tanh,
}

OVERWRITING: dict[Activation, Activation] = {
    F.relu: torch.relu_,
    F.silu: partial(F.silu, inplace=True),
    quick_gelu: quick_gelu_,
    torch.sigmoid: torch.sigmoid_,
    torch.tanh: torch.tanh_,
}
"""What overwrites its contiguous input, where nobody else needs that, without gradients."""


def activation(name: str) -> Activation:
    """Return the function of that name, or raise `ValueError` with the names that exist."""
    if name not in ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}; one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
