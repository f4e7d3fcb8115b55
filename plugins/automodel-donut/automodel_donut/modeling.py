"""Donut's encoder: Swin without a last norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from automodel_core import modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.families.swin import (
    SwinFamilyForImageClassification,
    SwinFamilyLayers,
    SwinFamilyPreTrainedModel,
    SwinModelOutput,
    SwinStage,
)
from automodel_donut.configuration import DonutSwinConfig
from automodel_donut.weights import donut_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


class DonutSwinPreTrainedModel(SwinFamilyPreTrainedModel):
    """What all models share: names of weights, and first values."""

    config_class = DonutSwinConfig
    config: DonutSwinConfig
    base_model_prefix: ClassVar[str] = "donut"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return donut_names(cls.base_model_prefix, cls.body)


class DonutSwinModel(DonutSwinPreTrainedModel, SwinFamilyLayers):
    """The encoder, and the mean of its states unless ``add_pooling_layer`` is false."""

    config: DonutSwinConfig

    def __init__(self, config: DonutSwinConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.add_pooling_layer = add_pooling_layer
        self.post_init()

    def new_stage(self, number: int, drop_paths: list[float], **layer: Any) -> SwinStage:
        return super().new_stage(number, drop_paths, in_files=True)

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> SwinModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the stages.

        Positions are relative, so that there is nothing for ``interpolate_pos_encoding`` to do.
        """
        wanted = modeling.wanted_states(options)
        stages = self.see(pixel_values, output_attentions=wanted["output_attentions"])
        last = stages.states[-1].flatten(1, 2)
        return SwinModelOutput(
            last_hidden_state=last,
            pooler_output=last.mean(dim=1) if self.add_pooling_layer else None,
            **stages.shown(**wanted),
        )


class DonutSwinForImageClassification(DonutSwinPreTrainedModel, SwinFamilyForImageClassification):
    """A class for an image, by the mean of its states."""

    body_class = DonutSwinModel
