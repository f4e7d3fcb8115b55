"""Convolutions whose outputs are normalised over batches, and norms that stay as they are."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from automodel_core.layers.activations import activation as function_of
from automodel_core.layers.kernels.convolutions import convolve_folded

__all__ = ["FrozenBatchNorm", "NormedConv", "activation_layer", "freeze_batch_norms"]


class FrozenBatchNorm(nn.Module):
    """A batch norm whose statistics, weight and bias are never trained."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    eps = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, maps: Tensor) -> Tensor:
        scale, shift = scale_and_shift(self)
        return maps * scale[:, None, None] + shift[:, None, None]


class ActivationLayer(nn.Module):
    """An activation by its name, as a module."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.function = function_of(name)

    def forward(self, maps: Tensor) -> Tensor:
        return self.function(maps)


def activation_layer(name: str | None) -> nn.Module:
    """Return an activation, or what passes its input on; ``relu`` overwrites its input."""
    if name is None:
        return nn.Identity()
    return nn.ReLU(inplace=True) if name == "relu" else ActivationLayer(name)


class NormedConv(nn.Module):
    """A square convolution without bias that keeps the size but for its stride, and a batch norm.

    Without training and gradients, the norm is multiplied into the weights, which are few beside
    the maps.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        kernel_size: int = 3,
        stride: int = 1,
        dilation: int = 1,
        activation: str | None = "relu",
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            channels,
            outputs,
            kernel_size,
            stride,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            bias=False,
        )
        self.normalization: nn.BatchNorm2d | FrozenBatchNorm = nn.BatchNorm2d(outputs)
        self.activation = activation_layer(activation)

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``(batch, outputs, rows, columns)``."""
        convolution, norm = self.convolution, self.normalization
        if torch.is_grad_enabled() or norm.training:
            normed = norm(convolution(maps))
        else:
            normed = convolve_folded(convolution, maps, *scale_and_shift(norm))
        activated: Tensor = self.activation(normed)
        return activated


def scale_and_shift(norm: nn.BatchNorm2d | FrozenBatchNorm) -> tuple[Tensor, Tensor]:
    """Return what a norm multiplies by and adds, ``(channels,)`` each, where it does not learn."""
    mean, variance = cast("tuple[Tensor, Tensor]", (norm.running_mean, norm.running_var))
    scale: Tensor = norm.weight * (variance + norm.eps).rsqrt()
    return scale, norm.bias - mean * scale


@torch.no_grad()
def freeze_batch_norms(module: nn.Module) -> None:
    """Put a `FrozenBatchNorm` of the same values in place of each batch norm in a module."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm(child.num_features).to(child.weight.device)
            for key in ("weight", "bias", "running_mean", "running_var"):
                if not child.weight.is_meta:
                    getattr(frozen, key).copy_(getattr(child, key))
            setattr(module, name, frozen)
        else:
            freeze_batch_norms(child)
