"""How long the tokens of a text are spoken: predicted, or drawn by a flow.

States are ``(batch, channels, length)``, and ``padding_mask`` ``(batch, 1, length)`` is 0 where a
text has ended.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers
from automodel_vits.configuration import VitsConfig

SMALLEST = 1e-3
"""Of the width, the height and the slope of a bin of a spline."""


class VitsDilatedDepthSeparableConv(nn.Module):
    """Convolutions of each channel with growing dilations, and between channels, added."""

    def __init__(self, config: VitsConfig, dropout: float = 0.0) -> None:
        super().__init__()
        size, kernel = config.hidden_size, config.duration_predictor_kernel_size
        count = config.depth_separable_num_layers
        self.dropout = dropout
        self.convs_dilated = nn.ModuleList(
            nn.Conv1d(
                size,
                size,
                kernel,
                groups=size,
                dilation=kernel**index,
                padding=(kernel - 1) * kernel**index // 2,
            )
            for index in range(count)
        )
        self.convs_pointwise = nn.ModuleList(nn.Conv1d(size, size, 1) for _ in range(count))
        self.norms_1 = nn.ModuleList(layers.layer_norm(size) for _ in range(count))
        self.norms_2 = nn.ModuleList(layers.layer_norm(size) for _ in range(count))

    def forward(
        self, inputs: Tensor, padding_mask: Tensor, global_conditioning: Tensor | None = None
    ) -> Tensor:
        if global_conditioning is not None:
            inputs = inputs + global_conditioning
        steps = zip(
            self.convs_dilated, self.norms_1, self.convs_pointwise, self.norms_2, strict=True
        )
        for dilated, norm, pointwise, last_norm in steps:
            states = F.gelu(_normed(norm, dilated(inputs * padding_mask)))
            states = F.gelu(_normed(last_norm, pointwise(states)))
            inputs = inputs + F.dropout(states, self.dropout, self.training)
        return inputs * padding_mask


class VitsConvFlow(nn.Module):
    """One half of the channels bends the other by splines (https://arxiv.org/abs/1906.04032)."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size, half = config.hidden_size, config.depth_separable_channels // 2
        self.channels = half
        self.bins = config.duration_predictor_flow_bins
        self.bound = config.duration_predictor_tail_bound
        self.scale = size**-0.5
        self.conv_pre = nn.Conv1d(half, size, 1)
        self.conv_dds = VitsDilatedDepthSeparableConv(config)
        self.conv_proj = nn.Conv1d(size, half * (3 * self.bins - 1), 1)

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        global_conditioning: Tensor | None = None,
        reverse: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return the bent states, and the logarithm of the change of volume ``(batch,)``."""
        first, second = inputs.chunk(2, dim=1)
        states = self.conv_dds(self.conv_pre(first), padding_mask, global_conditioning)
        states = self.conv_proj(states) * padding_mask
        curve = states.unflatten(1, (self.channels, -1)).transpose(2, 3)
        widths, heights, slopes = curve.split([self.bins, self.bins, self.bins - 1], dim=-1)
        second, change = spline(
            second, (widths * self.scale, heights * self.scale, slopes), self.bound, reverse
        )
        outputs = torch.cat([first, second], dim=1) * padding_mask
        return outputs, (change * padding_mask).sum([1, 2])


class VitsElementwiseAffine(nn.Module):
    """Each channel is scaled and moved."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        self.translate = nn.Parameter(torch.zeros(config.depth_separable_channels, 1))
        self.log_scale = nn.Parameter(torch.zeros(config.depth_separable_channels, 1))

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        global_conditioning: Tensor | None = None,
        reverse: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return the moved states, and the logarithm of the change of volume ``(batch,)``."""
        change = (self.log_scale * padding_mask).sum([1, 2])
        if reverse:
            return (inputs - self.translate) * (-self.log_scale).exp() * padding_mask, -change
        return (self.translate + self.log_scale.exp() * inputs) * padding_mask, change


class VitsStochasticDurationPredictor(nn.Module):
    """Durations, drawn by a flow from noise; what begins with ``post`` is for training."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size, dropout = config.hidden_size, config.duration_predictor_dropout
        self.conv_pre = nn.Conv1d(size, size, 1)
        self.conv_proj = nn.Conv1d(size, size, 1)
        self.conv_dds = VitsDilatedDepthSeparableConv(config, dropout)
        if config.speaker_embedding_size:
            self.cond = nn.Conv1d(config.speaker_embedding_size, size, 1)
        self.flows = _flows(config)
        self.post_conv_pre = nn.Conv1d(1, size, 1)
        self.post_conv_proj = nn.Conv1d(size, size, 1)
        self.post_conv_dds = VitsDilatedDepthSeparableConv(config, dropout)
        self.post_flows = _flows(config)

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        global_conditioning: Tensor | None = None,
        durations: Tensor | None = None,
        reverse: bool = False,
        noise_scale: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return logarithms of durations ``(batch, 1, length)`` if ``reverse``.

        Otherwise return how unlikely the ``durations`` of a recording are, ``(batch,)``: a loss.
        Gradients stop at the inputs.
        """
        states = self.conv_pre(inputs.detach())
        if global_conditioning is not None:
            states = states + self.cond(global_conditioning.detach())
        states = self.conv_proj(self.conv_dds(states, padding_mask)) * padding_mask
        if not reverse and durations is not None:
            return self._unlikeliness(durations, states, padding_mask)
        shape = states.shape[0], 2, states.shape[2]
        noise = torch.empty(shape).normal_(generator=generator).to(states) * noise_scale
        # Durations were never drawn by the first spline, which only training sees.
        for flow in (*reversed(self.flows[2:]), self.flows[0]):
            noise, _ = flow(noise.flip(1), padding_mask, states, reverse=True)
        return noise[:, :1]

    def _unlikeliness(self, durations: Tensor, states: Tensor, padding_mask: Tensor) -> Tensor:
        seen = self.post_conv_dds(self.post_conv_pre(durations), padding_mask)
        seen = self.post_conv_proj(seen) * padding_mask
        shape = durations.shape[0], 2, durations.shape[2]
        noise = torch.randn(shape).to(states) * padding_mask
        drawn, change = _through(self.post_flows, noise, padding_mask, states + seen)
        parts, kept = drawn.chunk(2, dim=1)
        # A duration is a whole number of frames: the flow sees it less a part of one.
        change = change + _summed((F.logsigmoid(parts) + F.logsigmoid(-parts)) * padding_mask)
        posterior = -_normal(noise, padding_mask) - change
        rest = ((durations - parts.sigmoid()) * padding_mask).clamp_min(1e-5).log() * padding_mask
        latents = torch.cat([rest, kept], dim=1)
        latents, change = _through(self.flows, latents, padding_mask, states)
        return _normal(latents, padding_mask) - change + _summed(rest) + posterior


class VitsDurationPredictor(nn.Module):
    """Durations, always the same for a text."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size, wide = config.hidden_size, config.duration_predictor_filter_channels
        kernel, eps = config.duration_predictor_kernel_size, config.layer_norm_eps
        self.dropout = config.duration_predictor_dropout
        self.conv_1 = nn.Conv1d(size, wide, kernel, padding=kernel // 2)
        self.norm_1 = layers.layer_norm(wide, eps=eps)
        self.conv_2 = nn.Conv1d(wide, wide, kernel, padding=kernel // 2)
        self.norm_2 = layers.layer_norm(wide, eps=eps)
        self.proj = nn.Conv1d(wide, 1, 1)
        if config.speaker_embedding_size:
            self.cond = nn.Conv1d(config.speaker_embedding_size, size, 1)

    def forward(
        self, inputs: Tensor, padding_mask: Tensor, global_conditioning: Tensor | None = None
    ) -> Tensor:
        """Return logarithms of durations ``(batch, 1, length)``; gradients stop at the inputs."""
        states = inputs.detach()
        if global_conditioning is not None:
            states = states + self.cond(global_conditioning.detach())
        for conv, norm in ((self.conv_1, self.norm_1), (self.conv_2, self.norm_2)):
            states = _normed(norm, conv(states * padding_mask).relu())
            states = F.dropout(states, self.dropout, self.training)
        logarithms: Tensor = self.proj(states * padding_mask) * padding_mask
        return logarithms


def spline(
    inputs: Tensor, curve: tuple[Tensor, Tensor, Tensor], bound: float, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Bend numbers by monotonic rational-quadratic splines (https://arxiv.org/abs/1906.04032).

    ``curve`` holds scores ``(..., bins)`` of widths and heights, and of the ``bins - 1`` slopes
    between. Numbers beyond ``bound`` stay. Return the new numbers, and the logarithms of the
    slopes where they are.
    """
    widths, heights, slopes = curve
    across, up = _knots(widths, bound), _knots(heights, bound)
    # Outside the bound the slope is 1.
    slopes = SMALLEST + F.softplus(F.pad(slopes, (1, 1), value=math.log(math.expm1(1 - SMALLEST))))
    within = inputs.clamp(-bound, bound)
    inner = (up if reverse else across)[..., 1:-1]
    index = (within[..., None] >= inner).sum(-1, keepdim=True)

    def found(values: Tensor, offset: int = 0) -> Tensor:
        return values.gather(-1, index + offset)[..., 0]

    left, low = found(across), found(up)
    width, height = found(across, 1) - left, found(up, 1) - low
    first, last = found(slopes), found(slopes, 1)
    slope = height / width
    bend = first + last - 2 * slope
    if reverse:
        offset = within - low
        a = height * (slope - first) + offset * bend
        b = height * first - offset * bend
        c = -slope * offset
        share = 2 * c / (-b - (b.square() - 4 * a * c).clamp_min(0.0).sqrt())
        bent = share * width + left
    else:
        share = (within - left) / width
    both = share * (1 - share)
    bottom = slope + bend * both
    if not reverse:
        bent = low + height * (slope * share.square() + first * both) / bottom
    top = slope.square() * (last * share.square() + 2 * slope * both + first * (1 - share).square())
    change = top.log() - 2 * bottom.log()
    change = -change if reverse else change
    outside = inputs.abs() > bound
    return torch.where(outside, inputs, bent), change.masked_fill(outside, 0.0)


def _knots(scores: Tensor, bound: float) -> Tensor:
    """Return where the bins begin and end, ``(..., bins + 1)``."""
    count = scores.shape[-1]
    shares = SMALLEST + (1 - SMALLEST * count) * scores.softmax(dim=-1)
    begins = 2 * bound * F.pad(shares.cumsum(-1)[..., :-1], (1, 0)) - bound
    return F.pad(begins, (0, 1), value=bound)


def _flows(config: VitsConfig) -> nn.ModuleList:
    bends = (VitsConvFlow(config) for _ in range(config.duration_predictor_num_flows))
    return nn.ModuleList([VitsElementwiseAffine(config), *bends])


def _through(
    flows: Iterable[nn.Module], states: Tensor, padding_mask: Tensor, seen: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what flows make of states, and the logarithm of the change of volume."""
    total = states.new_zeros(states.shape[0])
    for flow in flows:
        states, change = flow(states, padding_mask, seen)
        states, total = states.flip(1), total + change
    return states, total


def _normal(states: Tensor, padding_mask: Tensor) -> Tensor:
    """Return how unlikely states are to a normal distribution, ``(batch,)``."""
    return _summed(0.5 * (math.log(2 * math.pi) + states.square()) * padding_mask)


def _summed(values: Tensor) -> Tensor:
    return values.sum([1, 2])


def _normed(norm: nn.Module, states: Tensor) -> Tensor:
    normed: Tensor = norm(states.transpose(1, 2)).transpose(1, 2)
    return normed
