"""The towers of OWL-ViT and OWLv2, alone and as a pair: CLIP's, for short texts."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.families.clip import CausalTextTower, ClassTokenTower, TowerPreTrainedModel
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


class OwlViTModel(OwlViTPreTrainedModel, modeling.TwoTowerModel):
    """Both towers: how well texts and images fit."""

    base_model_prefix = "owlvit"
    text_class: ClassVar[type[OwlViTTextModel]] = OwlViTTextModel
    vision_class: ClassVar[type[OwlViTVisionModel]] = OwlViTVisionModel

    def __init__(self, config: OwlViTConfig) -> None:
        super().__init__(config)
        text, image, size = config.text_config, config.vision_config, config.projection_dim
        self.text_model = self.text_class(text)
        self.vision_model = self.vision_class(image)
        self.text_projection = layers.linear(text.hidden_size, size, bias=False)
        self.visual_projection = layers.linear(image.hidden_size, size, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        self.logit_bias = None
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return pair_names()

    def init_module(self, module: nn.Module) -> None:
        if module is self:
            self.init_projection(self.text_projection)
            self.init_projection(self.visual_projection)


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
