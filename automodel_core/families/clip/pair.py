"""Two towers, each with a projection into the space where their pooled states meet."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from automodel_core.families.clip.first_values import TowerPreTrainedModel
from automodel_core.layers.kernels.linear import linear
from automodel_core.modeling.heads.two_towers import TwoTowerModel

__all__ = ["ProjectedTowers"]


class ProjectedTowers(TowerPreTrainedModel, TwoTowerModel):
    """How well texts and images fit, by linear projections; a subclass names its towers."""

    text_class: ClassVar[type[Any]]
    vision_class: ClassVar[type[Any]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        text, image, size = config.text_config, config.vision_config, config.projection_dim
        self.text_model = self.text_class(text)
        self.vision_model = self.vision_class(image)
        self.text_projection = linear(text.hidden_size, size, bias=False)
        self.visual_projection = linear(image.hidden_size, size, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        self.logit_bias = None
        self.post_init()

    def init_module(self, module: nn.Module) -> None:
        if module is self:
            self.init_projection(self.text_projection)
            self.init_projection(self.visual_projection)
