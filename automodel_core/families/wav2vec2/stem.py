"""From samples to frames: strided convolutions, and the projection behind them."""

from __future__ import annotations

from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.families.wav2vec2.configuration import WaveformConfig
from automodel_core.layers.activations import activation
from automodel_core.layers.kernels.convolutions import convolve_samples
from automodel_core.layers.kernels.linear import linear, project
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.stack import LayerStack
from automodel_core.modeling.pretrained.first_values import SelfDrawn

__all__ = ["FeatureEncoder", "FeatureProjection", "KaimingConv1d", "UniformProjection"]

Length = TypeVar("Length", int, Tensor)


class KaimingConv1d(SelfDrawn, nn.Conv1d):
    """A convolution whose first values depend on its size (https://arxiv.org/abs/1502.01852)."""

    def draw(self) -> None:
        nn.init.kaiming_normal_(self.weight)
        if self.bias is not None:
            bound = (self.groups / (self.in_channels * self.kernel_size[0])) ** 0.5
            nn.init.uniform_(self.bias, -bound, bound)


class FeatureConv(nn.Module):
    """A convolution, a norm if any, and an activation, on ``(batch, channels, time)``."""

    def __init__(self, config: WaveformConfig, index: int) -> None:
        super().__init__()
        channels = config.conv_dim[index]
        self.conv = KaimingConv1d(
            config.conv_dim[index - 1] if index else 1,
            channels,
            config.conv_kernel[index],
            stride=config.conv_stride[index],
            bias=config.conv_bias,
        )
        self.layer_norm: nn.Module | None = None
        if config.feat_extract_norm == "layer":
            self.layer_norm = layer_norm(channels)
        elif not index:
            self.layer_norm = nn.GroupNorm(channels, channels)
        self.activation = activation(config.feat_extract_activation)

    def forward(self, states: Tensor) -> Tensor:
        if isinstance(self.layer_norm, nn.GroupNorm):
            return convolve_samples(self.conv, self.layer_norm, states, self.activation)
        states = self.conv(states)
        if self.layer_norm is not None:
            states = self.layer_norm(states.transpose(1, 2)).transpose(1, 2)
        return self.activation(states)


class FeatureEncoder(LayerStack):
    """Strided convolutions over a waveform, the frames of which are its features.

    Norms are of each channel over time behind the first one (``group``), or of all channels behind
    each (``layer``).
    """

    def __init__(self, config: WaveformConfig) -> None:
        super().__init__()
        self.kernels = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.conv_layers = nn.ModuleList(FeatureConv(config, i) for i in range(len(self.kernels)))

    def forward(self, input_values: Tensor) -> Tensor:
        """Return ``(batch, frames, channels)`` of waveforms ``(batch, samples)``."""
        if input_values.dim() != 2:
            raise InputError(
                f"input_values are (batch, samples), not of shape {tuple(input_values.shape)}"
            )
        if self.frames(input_values.shape[1]) < 1:
            raise InputError(
                f"{input_values.shape[1]} samples are too few for one frame, which needs "
                f"{self.samples_of_a_frame}: pad the audio"
            )
        states = input_values[:, None].to(next(self.parameters()).dtype)
        for layer in self.conv_layers:
            states = self.run(layer, states)
        return states.transpose(1, 2)

    @property
    def samples_of_a_frame(self) -> int:
        """The number of samples that one frame is made of."""
        samples = 1
        for kernel, stride in reversed(self.kernels):
            samples = (samples - 1) * stride + kernel
        return samples

    def frames(self, samples: Length) -> Length:
        """Return how many frames so many samples become."""
        for kernel, stride in self.kernels:
            samples = (samples - kernel) // stride + 1
        return samples


class FeatureProjection(nn.Module):
    """A norm, unless ``normed`` is false, and a linear layer to the size of the states."""

    def __init__(self, config: WaveformConfig, *, normed: bool = True) -> None:
        super().__init__()
        channels = config.conv_dim[-1]
        self.layer_norm = layer_norm(channels, eps=config.layer_norm_eps) if normed else None
        self.projection = linear(channels, config.hidden_size)
        self.dropout = config.feat_proj_dropout

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states, and the features that they are made of."""
        if self.layer_norm is not None:
            features = self.layer_norm(features)
        states = project(self.projection, features)
        return F.dropout(states, self.dropout, self.training), features


class UniformProjection(SelfDrawn, FeatureProjection):
    """A projection whose first values depend on the number of channels."""

    def draw(self) -> None:
        bound = self.projection.in_features**-0.5
        for parameter in (self.projection.weight, self.projection.bias):
            nn.init.uniform_(parameter, -bound, bound)
