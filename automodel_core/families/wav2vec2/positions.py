"""Positions by wide convolutions over the states."""

from __future__ import annotations

from torch import Tensor, nn

from automodel_core.families.wav2vec2.configuration import WaveformConfig
from automodel_core.families.wav2vec2.stem import KaimingConv1d
from automodel_core.layers.activations import activation
from automodel_core.layers.kernels.convolutions import convolve_widely
from automodel_core.layers.kernels.weight_norm import WeightNormConv1d

__all__ = ["NormedConvPositions", "WeightNormConvPositions"]


class WeightNormConvPositions(nn.Module):
    """One wide convolution in groups, whose weight is held as directions and lengths."""

    def __init__(self, config: WaveformConfig) -> None:
        super().__init__()
        size, kernel = config.hidden_size, config.num_conv_pos_embeddings
        self.kernel = kernel
        self.activation = activation(config.feat_extract_activation)
        self.conv = WeightNormConv1d(
            size,
            size,
            kernel,
            padding=kernel // 2,
            groups=config.num_conv_pos_embedding_groups,
            norm_dim=2,
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return numbers to add to states ``(batch, frames, hidden_size)``."""
        positions = convolve_widely(self.conv, states.transpose(1, 2), self.kernel)
        positions = positions[..., : states.shape[1]]
        return self.activation(positions).transpose(1, 2)


class NormedConvPositions(nn.Module):
    """A batch norm, then one wide convolution in groups."""

    def __init__(self, config: WaveformConfig) -> None:
        super().__init__()
        size, kernel = config.hidden_size, config.num_conv_pos_embeddings
        self.kernel = kernel
        self.activation = activation(config.feat_extract_activation)
        self.batch_norm = nn.BatchNorm1d(size)
        self.conv = KaimingConv1d(
            size,
            size,
            kernel,
            padding=kernel // 2,
            groups=config.num_conv_pos_embedding_groups,
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return numbers to add to states ``(batch, frames, hidden_size)``."""
        normed = self.batch_norm(states.transpose(1, 2))
        positions = convolve_widely(self.conv, normed, self.kernel)[..., : states.shape[1]]
        return self.activation(positions).transpose(1, 2)
