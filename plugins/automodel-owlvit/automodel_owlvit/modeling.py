"""The towers of OWL-ViT and OWLv2, alone and as a pair: CLIP's, for short texts."""

from __future__ import annotations

from typing import Any, ClassVar

from automodel_core.checkpoint import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.families.clip import (
    CausalTextTower,
    ClassTokenTower,
    ProjectedTowers,
    TowerPreTrainedModel,
)
from automodel_owlvit.configuration import (
    Owlv2Config,
    Owlv2TextConfig,
    Owlv2VisionConfig,
    OwlViTConfig,
    OwlViTTextConfig,
    OwlViTVisionConfig,
)
from automodel_owlvit.weights import image_names, pair_names, text_names


class OwlViTPreTrainedModel(TowerPreTrainedModel):
    """What all models of OWL-ViT share."""

    config_class: ClassVar[type[PreTrainedConfig]] = OwlViTConfig


class OwlViTTextModel(OwlViTPreTrainedModel, CausalTextTower):
    """The tower of texts: a text's largest id is its end, whose state stands for it."""

    config_class = OwlViTTextConfig

    def __init__(self, config: OwlViTTextConfig) -> None:
        super().__init__(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return text_names()


class OwlViTVisionModel(OwlViTPreTrainedModel, ClassTokenTower):
    """The tower of images: the state of a token before the patches stands for them."""

    config_class = OwlViTVisionConfig

    def __init__(self, config: OwlViTVisionConfig) -> None:
        super().__init__(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names()


class OwlViTModel(OwlViTPreTrainedModel, ProjectedTowers):
    """Both towers: how well texts and images fit."""

    base_model_prefix = "owlvit"
    text_class: ClassVar = OwlViTTextModel
    vision_class: ClassVar = OwlViTVisionModel

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return pair_names()


class Owlv2TextModel(OwlViTTextModel):
    """OWLv2's tower of texts."""

    config_class = Owlv2TextConfig


class Owlv2VisionModel(OwlViTVisionModel):
    """OWLv2's tower of images."""

    config_class = Owlv2VisionConfig


class Owlv2Model(OwlViTModel):
    """Both towers of OWLv2."""

    config_class = Owlv2Config
    base_model_prefix = "owlv2"
    text_class = Owlv2TextModel
    vision_class = Owlv2VisionModel
