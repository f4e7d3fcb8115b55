"""Swin V2: cosine attention, norms behind the parts, and positions by the offsets' logarithms."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from automodel_core import layers
from automodel_core.families.swin import (
    StagesOutput,
    SwinFamilyLayers,
    SwinStage,
    swinv2_layer,
)
from automodel_swin.configuration import Swinv2Config
from automodel_swin.modeling import (
    SwinFeatureMaps,
    SwinForImageClassification,
    SwinForMaskedImageModeling,
    SwinModel,
    SwinPreTrainedModel,
)


class Swinv2PreTrainedModel(SwinPreTrainedModel):
    """What all Swin V2 models share."""

    config_class = Swinv2Config
    config: Swinv2Config
    base_model_prefix = "swinv2"


class Swinv2Layers(Swinv2PreTrainedModel, SwinFamilyLayers):
    """Stages of the second version, whose windows have the size that images of one size allow."""

    config: Swinv2Config

    def new_stage(self, number: int, drop_paths: list[float], **layer: Any) -> SwinStage:
        config = self.config
        size, heads = config.stage_size(number), config.num_heads[number]
        rows = layers.patch_grid(config.image_size, config.patch_size)[0] // 2**number
        window = max(1, min(rows, config.window_size))
        layer |= {"window": window, "trained": config.trained_window(number)}
        last = number == len(config.depths) - 1
        return SwinStage(
            [swinv2_layer(config, size, heads, rate, **layer) for rate in drop_paths],
            window,
            0 if rows <= window else config.window_size // 2,
            None if last else layers.MergedThenNormed(size),
        )

    def see(
        self,
        pixel_values: Tensor | None,
        bool_masked_pos: Tensor | None = None,
        interpolate: bool = False,
        **wanted: bool,
    ) -> StagesOutput:
        wanted["fitted"] = False
        return super().see(pixel_values, bool_masked_pos, interpolate, **wanted)


class Swinv2Model(Swinv2Layers, SwinModel):
    """The body."""

    config: Swinv2Config


class Swinv2ForImageClassification(Swinv2PreTrainedModel, SwinForImageClassification):
    """A class for an image, by the mean of its states."""

    body_class = Swinv2Model


class Swinv2ForMaskedImageModeling(Swinv2PreTrainedModel, SwinForMaskedImageModeling):
    """The pixels of hidden patches, by the states of the last stage."""

    body_class = Swinv2Model


class Swinv2Backbone(Swinv2Layers, SwinFeatureMaps):
    """The states of stages before their patches merge, as feature maps."""

    config: Swinv2Config

    def __init__(self, config: Swinv2Config) -> None:
        super().__init__(config)
        self.post_init()
