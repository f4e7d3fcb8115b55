"""A head on the tower that sees images."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from automodel_core.families.clip.towers import ImageTower
from automodel_core.layers.kernels.linear import linear
from automodel_core.modeling.heads.image import ImageModelForImageClassification
from automodel_core.modeling.outputs.base import BaseModelOutput

__all__ = ["ImageTowerForImageClassification"]


class ImageTowerForImageClassification(ImageModelForImageClassification):
    """A class for an image, by the mean of the states of its patches."""

    base_model_prefix = "vision_model"
    input_embeddings = "model.embed.patches"
    config: Any
    model: ImageTower

    def __init__(self, config: Any, tower: ImageTower) -> None:
        super().__init__(config)
        self.model = tower
        size, labels = config.vision_config.hidden_size, config.num_labels
        self.classifier = linear(size, labels) if labels else nn.Identity()

    def classify(self, body: BaseModelOutput) -> Tensor:
        patches = body.last_hidden_state[:, self.model.embed.leading :]
        scores: Tensor = self.classifier(patches.mean(dim=1))
        return scores
