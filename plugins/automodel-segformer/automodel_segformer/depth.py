"""GLPN: depths of pixels, from the maps of all stages, each fused with the smaller ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import modeling
from automodel_core.errors import InputError
from automodel_segformer.configuration import GLPNConfig
from automodel_segformer.encoder import MixTransformer, MixTransformerPreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

BALANCE = 0.5
"""How much of a common factor between depths and truth is forgiven."""


class GLPNPreTrainedModel(MixTransformerPreTrainedModel):
    """What all GLPN models share."""

    config_class = GLPNConfig
    config: GLPNConfig
    base_model_prefix = "glpn"


class GLPNModel(GLPNPreTrainedModel, MixTransformer):
    """The body."""


def convolved(channels: int, out: int) -> nn.Sequential:
    """Return a convolution over neighbours, a norm and an activation."""
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class SelectiveFusion(nn.Module):
    """The sum of two maps, each weighted place by place by what both show."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutional_layer1 = convolved(2 * channels, channels)
        self.convolutional_layer2 = convolved(channels, channels // 2)
        self.convolutional_layer3 = nn.Conv2d(channels // 2, 2, 3, padding=1)

    def forward(self, local: Tensor, coarse: Tensor) -> Tensor:
        both = self.convolutional_layer2(
            self.convolutional_layer1(torch.cat([local, coarse], dim=1))
        )
        of_local, of_coarse = self.convolutional_layer3(both).sigmoid().split(1, dim=1)
        fused: Tensor = local * of_local + coarse * of_coarse
        return fused


class GLPNDecoderStage(nn.Module):
    """A stage's map, fused with that of the smaller ones if any, at twice the size."""

    def __init__(self, size: int, channels: int, fuses: bool) -> None:
        super().__init__()
        same = size == channels
        self.convolution = nn.Identity() if same else nn.Conv2d(size, channels, 1)
        self.fusion = SelectiveFusion(channels) if fuses else None

    def forward(self, local: Tensor, coarse: Tensor | None) -> Tensor:
        local = self.convolution(local)
        if self.fusion is not None:
            local = self.fusion(local, coarse)
        return doubled(local)


class GLPNDecoder(nn.Module):
    """The maps of all stages, from the last to the first."""

    def __init__(self, config: GLPNConfig) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            GLPNDecoderStage(size, config.decoder_hidden_size, fuses=index > 0)
            for index, size in enumerate(reversed(config.hidden_sizes))
        )

    def forward(self, maps: tuple[Tensor, ...]) -> list[Tensor]:
        """Return what each stage makes, the last one at the size of the image."""
        made: list[Tensor] = []
        for stage, local in zip(self.stages, reversed(maps), strict=True):
            made.append(stage(local, made[-1] if made else None))
        return [*made[:-1], doubled(made[-1])]


class GLPNDepthEstimationHead(nn.Module):
    """Depths from 0 to ``max_depth``."""

    def __init__(self, config: GLPNConfig) -> None:
        super().__init__()
        channels = config.decoder_hidden_size
        self.max_depth, self.stage = config.max_depth, config.head_in_index
        self.head = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 1, 3, padding=1),
        )

    def forward(self, made: list[Tensor]) -> Tensor:
        """Return ``(batch, height, width)``."""
        depths: Tensor = self.head(made[self.stage]).sigmoid() * self.max_depth
        return depths[:, 0]


class GLPNForDepthEstimation(GLPNPreTrainedModel, modeling.ImageModelHead):
    """The depth of each pixel, in metres where the checkpoint learnt them so."""

    input_embeddings = "model.stages.0.patches"

    def __init__(self, config: GLPNConfig) -> None:
        super().__init__(config)
        self.model = GLPNModel(config)
        self.decoder = GLPNDecoder(config)
        self.head = GLPNDepthEstimationHead(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.DepthEstimatorOutput:
        """Estimate the depths of images ``(batch, channels, height, width)``.

        Height and width are multiples of 32, as the image processor makes them. ``labels`` are
        depths ``(batch, height, width)``; those that are not above zero do not count.
        """
        shown: Any = {**options, "output_hidden_states": True}
        body: modeling.BaseModelOutput = self.model(pixel_values, **shown)
        depths = self.head(self.decoder(body.hidden_states or ()))
        loss = None if labels is None else log_depth_loss(depths, labels)
        if not options.get("output_hidden_states"):
            body.hidden_states = None
        return modeling.DepthEstimatorOutput.of(body, loss=loss, predicted_depth=depths)


def doubled(maps: Tensor) -> Tensor:
    """Return maps at twice their size in each direction."""
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def log_depth_loss(depths: Tensor, truth: Tensor) -> Tensor:
    """Return the distance of logarithms, less what a common factor explains.

    See https://arxiv.org/abs/1406.2283. Both are ``(batch, height, width)``.
    """
    if truth.shape != depths.shape:
        raise InputError(
            f"labels are depths {tuple(depths.shape)}, as predicted_depth, got {tuple(truth.shape)}"
        )
    known = truth > 0
    if not known.any():
        raise InputError("labels hold no depth above zero to learn from")
    differences = torch.log(truth[known]) - torch.log(depths[known])
    squared: Tensor = differences.square().mean() - BALANCE * differences.mean().square()
    # A root by torch.sqrt keeps its result for the gradients, and trainers divide it in place.
    return squared**0.5
