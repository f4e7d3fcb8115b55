"""Depth Anything: DPT's neck over the states of four layers of a backbone, and a small head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.families.dpt import DPTNeck, FittedFusionStage
from automodel_dinov2.configuration import DepthAnythingConfig

if TYPE_CHECKING:
    from typing_extensions import Unpack


class DepthAnythingReassembleStage(nn.Module):
    """Maps of the patches' states, without the first token's, at several scales."""

    def __init__(self, config: DepthAnythingConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            layers.Reassemble(config.reassemble_hidden_size, channels, factor)
            for channels, factor in zip(
                config.neck_hidden_sizes, config.reassemble_factors, strict=True
            )
        )

    def forward(self, states: Sequence[Tensor], grid: tuple[int, int]) -> list[Tensor]:
        """Return a map of each layer's states, or of what is a map already."""
        maps = [s if s.dim() == 4 else layers.map_of_patches(s[:, 1:], grid) for s in states]
        return [layer(each) for layer, each in zip(self.layers, maps, strict=True)]


class DepthAnythingHead(nn.Module):
    """Three convolutions, the second and third at the size of the image."""

    def __init__(self, config: DepthAnythingConfig) -> None:
        super().__init__()
        size, inner = config.fusion_hidden_size, config.head_hidden_size
        self.conv1 = nn.Conv2d(size, size // 2, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(size // 2, inner, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(inner, 1, kernel_size=1)
        self.is_metric = config.depth_estimation_type == "metric"
        self.max_depth = config.max_depth or 1

    def forward(self, fused: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the depth ``(batch, *size)`` of each pixel."""
        states = self.conv2(layers.enlarged(self.conv1(fused), size))
        depth: Tensor = self.conv3(F.relu_(states))
        activated = depth.sigmoid() if self.is_metric else depth.relu()
        return activated.squeeze(1) * self.max_depth


class DepthAnythingPreTrainedModel(modeling.PreTrainedModel):
    """What models of Depth Anything share: the backbone is their body."""

    config_class = DepthAnythingConfig
    config: DepthAnythingConfig
    base_model_prefix = "backbone"
    body = "backbone"
    main_input_name = "pixel_values"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return modeling.backbone_names(config)


class DepthAnythingForDepthEstimation(DepthAnythingPreTrainedModel):
    """The depth of each pixel of an image."""

    def __init__(self, config: DepthAnythingConfig) -> None:
        super().__init__(config)
        self.backbone = modeling.load_backbone(config)
        self.input_embeddings = f"backbone.{self.backbone.input_embeddings}"
        sizes, size = config.neck_hidden_sizes, config.fusion_hidden_size
        fusion = FittedFusionStage(len(sizes), size, partial(layers.ResidualConvUnit, size))
        self.neck = DPTNeck(DepthAnythingReassembleStage(config), sizes, size, fusion)
        self.head = DepthAnythingHead(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor, **options: Unpack[modeling.ForwardOptions]
    ) -> modeling.DepthEstimatorOutput:
        """Estimate the depth of images ``(batch, channels, height, width)``.

        It is there for whole patches: what is left right and below of the last is not seen.
        """
        output = self.backbone.forward_with_filtered_kwargs(pixel_values, **options)
        patch = self.config.patch_size
        height, width = pixel_values.shape[-2:]
        grid = layers.patch_grid((height, width), patch)
        fused = self.neck(output.feature_maps, grid)[self.config.head_in_index]
        depth = self.head(fused, (grid[0] * patch, grid[1] * patch))
        return modeling.DepthEstimatorOutput(
            predicted_depth=depth,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )
