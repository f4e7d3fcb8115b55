"""What the models of the family share: embeddings, stages, outputs, and the head for labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.families.swin.configuration import SwinFamilyConfig
from automodel_core.families.swin.layers import swin_layer
from automodel_core.families.swin.stages import StagesOutput, SwinStage, SwinStages
from automodel_core.layers.images.cosine import ScaledUnitVectors
from automodel_core.layers.images.patches import (
    PatchEmbedding,
    edges,
    patch_grid,
    resampled_positions,
)
from automodel_core.layers.images.windows import MergedPatches, WindowPositions
from automodel_core.layers.kernels.linear import linear
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.modeling.bodies.image import hidden_patches
from automodel_core.modeling.heads.image import ImageModelForLabels
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.outputs.image import ImageClassifierOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = [
    "SwinEmbeddings",
    "SwinFamilyForImageClassification",
    "SwinFamilyLayers",
    "SwinFamilyPreTrainedModel",
    "SwinImageClassifierOutput",
    "SwinModelOutput",
    "WindowPreTrainedModel",
]


@dataclass
class SwinModelOutput(BaseModelOutput):
    """States of the last stage's patches, and their mean as ``pooler_output``.

    ``hidden_states`` are those of the embeddings and of each stage, merged already;
    ``reshaped_hidden_states`` the same as ``(batch, size, rows, columns)``; ``attentions`` those
    of each stage's last layer, ``(batch * windows, heads, patches, patches)``.
    """

    reshaped_hidden_states: tuple[Tensor, ...] | None = None


@dataclass
class SwinImageClassifierOutput(ImageClassifierOutput):
    """Scores ``(batch, labels)``, and states as in `SwinModelOutput`."""

    reshaped_hidden_states: tuple[Tensor, ...] | None = None


class SwinEmbeddings(nn.Module):
    """Patches, of which zeros complete the last ones; a position for each where it is learned."""

    def __init__(self, config: SwinFamilyConfig, use_mask_token: bool) -> None:
        super().__init__()
        size = config.embed_dim
        self.image_size, self.patch_size = edges(config.image_size), edges(config.patch_size)
        self.grid = patch_grid(self.image_size, self.patch_size)
        self.dropout = config.hidden_dropout_prob
        self.patches = PatchEmbedding(config.num_channels, size, self.patch_size)
        self.norm = layer_norm(size)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, size)) if use_mask_token else None
        count = self.grid[0] * self.grid[1]
        self.position_embeddings = (
            nn.Parameter(torch.zeros(1, count, size)) if config.use_absolute_embeddings else None
        )

    def forward(
        self, pixel_values: Tensor, bool_masked_pos: Tensor | None = None, interpolate: bool = False
    ) -> Tensor:
        """Return ``(batch, rows, columns, size)`` for images of any size."""
        height, width = self.patch_size
        below, beside = -pixel_values.shape[-2] % height, -pixel_values.shape[-1] % width
        pixel_values = F.pad(pixel_values, (0, beside, 0, below))
        grid = pixel_values.shape[-2] // height, pixel_values.shape[-1] // width
        embedded = self.norm(self.patches(pixel_values))
        embedded = hidden_patches(embedded, bool_masked_pos, self.mask_token)
        if self.position_embeddings is not None:
            embedded = embedded + self.placed(self.position_embeddings, grid, interpolate)
        embedded = F.dropout(embedded, self.dropout, self.training)
        states: Tensor = embedded.unflatten(1, grid)
        return states

    def placed(self, learned: Tensor, grid: tuple[int, int], interpolate: bool) -> Tensor:
        """Return a position for each patch of a grid."""
        if grid != self.grid and not interpolate:
            raise InputError(
                f"images of {grid[0]} x {grid[1]} patches do not fit the {self.grid[0]} x "
                f"{self.grid[1]} positions of image_size={list(self.image_size)}: resize them, or "
                "pass interpolate_pos_encoding=True"
            )
        return resampled_positions(learned, 0, self.grid, grid)


class WindowPreTrainedModel(PreTrainedModel):
    """First values of what layers of both versions have."""

    main_input_name = "pixel_values"

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, WindowPositions):
            module.table.zero_()
        elif isinstance(module, ScaledUnitVectors):
            module.reset_parameters()


class SwinFamilyPreTrainedModel(WindowPreTrainedModel):
    """Models that embed patches of images."""

    config: SwinFamilyConfig
    input_embeddings = "embed.patches"
    optional_weights = ("embed.mask_token",)


class SwinFamilyLayers(SwinFamilyPreTrainedModel):
    """The embeddings and the stages, which bodies and backbones use in their own ways."""

    def __init__(self, config: SwinFamilyConfig, use_mask_token: bool = False) -> None:
        super().__init__(config)
        self.embed = SwinEmbeddings(config, use_mask_token)
        self.stack = SwinStages(config.depths, config.drop_path_rate, self.new_stage)

    def new_stage(self, number: int, drop_paths: list[float], **layer: Any) -> SwinStage:
        """Return a stage by its number, from 0; ``layer`` are options of `swin_layer`."""
        config = self.config
        size, heads = config.stage_size(number), config.num_heads[number]
        last = number == len(config.depths) - 1
        return SwinStage(
            [swin_layer(config, size, heads, rate, **layer) for rate in drop_paths],
            config.window_size,
            config.window_size // 2,
            None if last else MergedPatches(size),
        )

    def see(
        self,
        pixel_values: Tensor | None,
        bool_masked_pos: Tensor | None = None,
        interpolate: bool = False,
        **wanted: bool,
    ) -> StagesOutput:
        """Return what the stages make of images ``(batch, channels, height, width)``."""
        if pixel_values is None:
            raise InputError("give pixel_values")
        embedded = self.embed(pixel_values, bool_masked_pos, interpolate)
        output: StagesOutput = self.stack(embedded, **wanted)
        return output


class SwinFamilyForImageClassification(
    SwinFamilyPreTrainedModel, ImageModelForLabels[SwinImageClassifierOutput]
):
    """A class for an image, by the mean of its states."""

    output = SwinImageClassifierOutput
    input_embeddings = "model.embed.patches"
    body_class: ClassVar[type[SwinFamilyLayers]]

    def __init__(self, config: SwinFamilyConfig) -> None:
        super().__init__(config)
        self.model = self.body_class(config)
        size, labels = config.hidden_size or 0, config.num_labels
        self.classifier = linear(size, labels) if labels else nn.Identity()
        self.post_init()

    def classify(self, body: BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(body.pooler_output)
        return scores
