"""What makes pixels of the states behind the last stage."""

from __future__ import annotations

import math
from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_swin2sr.configuration import Swin2SRConfig

INNER = 64
"""The channels between the states and the pixels."""
SLOPE = 0.2
"""Of what is below zero, between the steps of `NearestConvUpsampler`."""


def conv(channels: int, out: int) -> nn.Conv2d:
    """Return a convolution that keeps the size of a map."""
    return nn.Conv2d(channels, out, kernel_size=3, padding=1)


def shuffled(scale: int, channels: int) -> nn.Sequential:
    """Return layers that enlarge a map: by 3 at once, by a power of two in doublings."""
    steps: OrderedDict[str, nn.Module] = OrderedDict()
    if scale == 3:
        steps["convolution"], steps["pixelshuffle"] = (
            conv(channels, 9 * channels),
            nn.PixelShuffle(3),
        )
    else:
        for step in range(int(math.log2(scale))):
            steps[f"convolution_{step}"] = conv(channels, 4 * channels)
            steps[f"pixelshuffle_{step}"] = nn.PixelShuffle(2)
    return nn.Sequential(steps)


class PixelShuffleUpsampler(nn.Module):
    """Enlarge a map of fewer channels by making pixels of channels."""

    def __init__(self, config: Swin2SRConfig) -> None:
        super().__init__()
        self.conv_before_upsample = conv(config.embed_dim, INNER)
        self.upsample = shuffled(config.upscale, INNER)
        self.final_convolution = conv(INNER, config.channels_made)

    def forward(self, states: Tensor, images: Tensor) -> Tensor:
        """Return pixels for states ``(batch, embed_dim, height, width)``."""
        states = F.leaky_relu(self.conv_before_upsample(states))
        pixels: Tensor = self.final_convolution(self.upsample(states))
        return pixels


class PixelShuffleAuxUpsampler(PixelShuffleUpsampler):
    """The same by way of an image of the input's size, and beside what plain enlargement gives."""

    def __init__(self, config: Swin2SRConfig) -> None:
        super().__init__(config)
        self.scale = config.upscale
        self.conv_bicubic = conv(config.num_channels, INNER)
        self.conv_aux = conv(INNER, config.num_channels)
        self.conv_after_aux = nn.Sequential(conv(config.num_channels, INNER), nn.LeakyReLU())

    def forward(self, states: Tensor, images: Tensor) -> Tensor:
        """Return pixels for states, which may be padded, and images as they came."""
        height, width = (self.scale * edge for edge in images.shape[-2:])
        plain = F.interpolate(images, (height, width), mode="bicubic", align_corners=False)
        cleaned = self.conv_aux(F.leaky_relu(self.conv_before_upsample(states)))
        enlarged = self.upsample(self.conv_after_aux(cleaned))[:, :, :height, :width]
        pixels: Tensor = self.final_convolution(enlarged + self.conv_bicubic(plain))
        return pixels


class DirectUpsampler(nn.Module):
    """Make all pixels of a place by one convolution, for small models."""

    def __init__(self, config: Swin2SRConfig) -> None:
        super().__init__()
        self.conv = conv(config.embed_dim, config.upscale**2 * config.channels_made)
        self.scale = config.upscale

    def forward(self, states: Tensor, images: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(states), self.scale)


class NearestConvUpsampler(nn.Module):
    """Double a map twice by repeating its pixels, for photographs as they are."""

    def __init__(self, config: Swin2SRConfig) -> None:
        super().__init__()
        self.conv_before_upsample = conv(config.embed_dim, INNER)
        self.conv_up1, self.conv_up2 = conv(INNER, INNER), conv(INNER, INNER)
        self.conv_hr = conv(INNER, INNER)
        self.final_convolution = conv(INNER, config.channels_made)

    def forward(self, states: Tensor, images: Tensor) -> Tensor:
        states = F.leaky_relu(self.conv_before_upsample(states))
        for layer in (self.conv_up1, self.conv_up2):
            doubled = F.interpolate(states, scale_factor=2, mode="nearest")
            states = F.leaky_relu(layer(doubled), SLOPE)
        pixels: Tensor = self.final_convolution(F.leaky_relu(self.conv_hr(states), SLOPE))
        return pixels


UPSAMPLERS: dict[str, type[nn.Module]] = {
    "pixelshuffle": PixelShuffleUpsampler,
    "pixelshuffle_aux": PixelShuffleAuxUpsampler,
    "pixelshuffledirect": DirectUpsampler,
    "nearest+conv": NearestConvUpsampler,
}
