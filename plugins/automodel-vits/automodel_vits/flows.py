"""Flows of VITS: sounds to what a text predicts of them, and back.

States are ``(batch, channels, frames)``, and ``padding_mask`` ``(batch, 1, frames)`` is 0 where a
row has ended.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers
from automodel_vits.configuration import VitsConfig


class VitsWaveNet(nn.Module):
    """Gated convolutions with growing dilations (https://arxiv.org/abs/1609.03499)."""

    def __init__(self, config: VitsConfig, num_layers: int) -> None:
        super().__init__()
        size, kernel = config.hidden_size, config.wavenet_kernel_size
        self.hidden_size = size
        self.dropout = config.wavenet_dropout
        if config.speaker_embedding_size:
            self.cond_layer = layers.WeightNormConv1d(
                config.speaker_embedding_size, 2 * size * num_layers, 1
            )
        dilations = [config.wavenet_dilation_rate**index for index in range(num_layers)]
        self.in_layers = nn.ModuleList(
            layers.WeightNormConv1d(
                size, 2 * size, kernel, dilation=each, padding=(kernel - 1) * each // 2
            )
            for each in dilations
        )
        # The last layer passes nothing on.
        outputs = [2 * size] * (num_layers - 1) + [size]
        self.res_skip_layers = nn.ModuleList(
            layers.WeightNormConv1d(size, each, 1) for each in outputs
        )

    def forward(
        self, inputs: Tensor, padding_mask: Tensor, global_conditioning: Tensor | None = None
    ) -> Tensor:
        """Return the sum of what the layers see; a speaker's states move their gates."""
        count = len(self.in_layers)
        speaker: list[Tensor | None] = [None] * count
        if global_conditioning is not None:
            speaker = [*self.cond_layer(global_conditioning).chunk(count, dim=1)]
        total: Tensor | None = None
        for index, (conv, out) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            states = conv(inputs)
            moved = speaker[index]
            if moved is not None:
                states = states + moved
            values, gates = states.chunk(2, dim=1)
            gated = torch.tanh(values) * torch.sigmoid(gates)
            seen = out(F.dropout(gated, self.dropout, self.training))
            if index < count - 1:
                passed, seen = seen.chunk(2, dim=1)
                inputs = (inputs + passed) * padding_mask
            total = seen if total is None else total + seen
        return inputs if total is None else total * padding_mask


class VitsPosteriorEncoder(nn.Module):
    """The sounds of a recording's spectrogram, for training and for changing voices."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size, count = config.hidden_size, config.posterior_encoder_num_wavenet_layers
        self.conv_pre = nn.Conv1d(config.spectrogram_bins, size, 1)
        self.wavenet = VitsWaveNet(config, count)
        self.conv_proj = nn.Conv1d(size, 2 * config.flow_size, 1)

    def forward(
        self, inputs: Tensor, padding_mask: Tensor, global_conditioning: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return sounds drawn for a spectrogram, and the means and log deviations of these."""
        states = self.conv_pre(inputs) * padding_mask
        states = self.wavenet(states, padding_mask, global_conditioning)
        mean, log_deviation = (self.conv_proj(states) * padding_mask).chunk(2, dim=1)
        noise = torch.randn_like(mean)
        return (mean + noise * log_deviation.exp()) * padding_mask, mean, log_deviation


class VitsResidualCouplingLayer(nn.Module):
    """One half of the channels moves the other (https://arxiv.org/abs/1605.08803)."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        half = config.flow_size // 2
        self.conv_pre = nn.Conv1d(half, config.hidden_size, 1)
        self.wavenet = VitsWaveNet(config, config.prior_encoder_num_wavenet_layers)
        self.conv_post = nn.Conv1d(config.hidden_size, half, 1)

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        global_conditioning: Tensor | None = None,
        reverse: bool = False,
    ) -> Tensor:
        first, second = inputs.chunk(2, dim=1)
        states = self.conv_pre(first) * padding_mask
        states = self.wavenet(states, padding_mask, global_conditioning)
        mean = self.conv_post(states) * padding_mask
        second = (second - mean) * padding_mask if reverse else mean + second * padding_mask
        return torch.cat([first, second], dim=1)


class VitsResidualCouplingBlock(nn.Module):
    """The flow from sounds to what a text predicts; reversed, from there to sounds."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        self.flows = nn.ModuleList(
            VitsResidualCouplingLayer(config) for _ in range(config.prior_encoder_num_flows)
        )

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        global_conditioning: Tensor | None = None,
        reverse: bool = False,
    ) -> Tensor:
        for flow in reversed(self.flows) if reverse else self.flows:
            inputs = inputs.flip(1) if reverse else inputs
            inputs = flow(inputs, padding_mask, global_conditioning, reverse)
            inputs = inputs if reverse else inputs.flip(1)
        return inputs
