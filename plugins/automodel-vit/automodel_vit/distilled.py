"""DeiT: ViT with a second token that learns from a teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from automodel_core import modeling
from automodel_vit.configuration import DeiTConfig
from automodel_vit.modeling import (
    ViTEmbeddings,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
    ViTHead,
    ViTModel,
    ViTPreTrainedModel,
    classifier,
)


@dataclass
class DeiTForImageClassificationWithTeacherOutput(modeling.ModelOutput):
    """Scores ``(batch, labels)`` of each token, and their mean."""

    logits: Tensor | None = None
    cls_logits: Tensor | None = None
    distillation_logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class DeiTPreTrainedModel(ViTPreTrainedModel):
    """What all DeiT models share."""

    config_class = DeiTConfig
    config: DeiTConfig
    base_model_prefix = "deit"

    def init_embeddings(self, module: ViTEmbeddings) -> None:
        """Leave tokens and positions zero."""


class DeiTModel(DeiTPreTrainedModel, ViTModel):
    """The body: two tokens before the patches."""


class DeiTHead(DeiTPreTrainedModel, ViTHead):
    """A head on `DeiTModel`."""

    body_class = DeiTModel


class DeiTForImageClassification(DeiTHead, ViTForImageClassification):
    """A class for an image, by the state of the first token."""


class DeiTForMaskedImageModeling(DeiTHead, ViTForMaskedImageModeling):
    """The pixels of hidden patches, by the patches' states."""


class DeiTForImageClassificationWithTeacher(DeiTHead):
    """A class for an image, by both tokens; it is for inference, and has no loss."""

    def __init__(self, config: DeiTConfig) -> None:
        super().__init__(config)
        self.cls_classifier = classifier(config)
        self.distillation_classifier = classifier(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Any,
    ) -> DeiTForImageClassificationWithTeacherOutput:
        """Score images ``(batch, channels, height, width)``."""
        body: modeling.BaseModelOutput = self.model(
            pixel_values,
            interpolate_pos_encoding=interpolate_pos_encoding,
            **options,
        )
        states: Tensor = body.last_hidden_state
        own = self.cls_classifier(states[:, 0])
        taught = self.distillation_classifier(states[:, 1])
        return DeiTForImageClassificationWithTeacherOutput(
            (own + taught) / 2, own, taught, body.hidden_states, body.attentions
        )
