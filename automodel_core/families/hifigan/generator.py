"""HiFi-GAN's generator: spectrograms to waveforms (https://arxiv.org/abs/2010.05646)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.families.hifigan.configuration import GeneratorConfig

__all__ = ["WaveformGenerator"]

LAST_SLOPE = 0.01
"""Of the activation before the last convolution, whatever the configuration says of the others."""


class ResidualBlock(nn.Module):
    """Convolutions with growing dilations, each followed by one without, and added."""

    def __init__(
        self, channels: int, kernel_size: int, dilations: Sequence[int], slope: float
    ) -> None:
        super().__init__()
        self.slope = slope
        self.convs1 = nn.ModuleList(_conv(channels, kernel_size, each) for each in dilations)
        self.convs2 = nn.ModuleList(_conv(channels, kernel_size, 1) for _ in dilations)

    def forward(self, states: Tensor, shown: Tensor | None) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            added = _masked(dilated(F.leaky_relu(states, self.slope)), shown)
            added = _masked(plain(F.leaky_relu_(added, self.slope)), shown)
            states = added.add_(states)
        return states


class WaveformGenerator(nn.Module):
    """A spectrogram ``(batch, features, frames)`` to a waveform ``(batch, 1, samples)``.

    ``post_bias`` says whether the last convolution has a bias.
    """

    def __init__(self, features: int, config: GeneratorConfig, *, post_bias: bool) -> None:
        super().__init__()
        self.slope = config.leaky_relu_slope
        wide = config.upsample_initial_channel
        self.conv_pre = nn.Conv1d(features, wide, 7, padding=3)
        self.upsampler = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        self.kernels = len(config.resblock_kernel_sizes)
        self.rates = list(config.upsample_rates)
        stages = zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True)
        for stage, (rate, kernel) in enumerate(stages):
            channels = wide >> (stage + 1)
            padding = (kernel - rate) // 2
            self.upsampler.append(
                nn.ConvTranspose1d(wide >> stage, channels, kernel, stride=rate, padding=padding)
            )
            blocks = zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
            self.resblocks.extend(
                ResidualBlock(channels, size, dilations, self.slope) for size, dilations in blocks
            )
        last = wide >> len(config.upsample_rates)
        self.conv_post = nn.Conv1d(last, 1, 7, padding=3, bias=post_bias)

    def forward(
        self, spectrogram: Tensor, added: Tensor | None = None, shown: Tensor | None = None
    ) -> Tensor:
        """Return the waveform; ``added`` joins what enters the first stage.

        ``shown`` ``(batch, 1, frames)`` is 0 where a row has ended: what is there is not heard, and
        is silent.
        """
        states = self.conv_pre(_masked(spectrogram, shown))
        if added is not None:
            states = states + added
        states = _masked(states, shown)
        for stage, upsample in enumerate(self.upsampler):
            states = upsample(F.leaky_relu(states, self.slope))
            if shown is not None:
                shown = shown.repeat_interleave(self.rates[stage], dim=2)
                shown = F.pad(shown, (0, states.shape[2] - shown.shape[2]))
            states = _masked(states, shown)
            first = stage * self.kernels
            blocks = self.resblocks[first : first + self.kernels]
            total = blocks[0](states, shown)
            for block in blocks[1:]:
                total = total + block(states, shown)
            states = total / self.kernels
        return _masked(torch.tanh(self.conv_post(F.leaky_relu(states, LAST_SLOPE))), shown)


def _masked(states: Tensor, shown: Tensor | None) -> Tensor:
    return states if shown is None else states * shown


def _conv(channels: int, kernel_size: int, dilation: int) -> nn.Conv1d:
    padding = (kernel_size - 1) * dilation // 2
    return nn.Conv1d(channels, channels, kernel_size, dilation=dilation, padding=padding)
