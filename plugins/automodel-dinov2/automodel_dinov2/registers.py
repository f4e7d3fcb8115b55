"""DINOv2 with registers: learned tokens between the first one and the patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from automodel_core import layers
from automodel_dinov2.configuration import Dinov2WithRegistersConfig
from automodel_dinov2.modeling import (
    Dinov2Backbone,
    Dinov2Embeddings,
    Dinov2ForImageClassification,
    Dinov2Model,
    Dinov2PreTrainedModel,
)


class Dinov2WithRegistersEmbeddings(Dinov2Embeddings):
    """Registers have no positions; those of patches are smoothed where a grid is smaller."""

    def __init__(self, config: Dinov2WithRegistersConfig) -> None:
        super().__init__(config)
        count, size = config.num_register_tokens, config.hidden_size
        self.register_tokens = nn.Parameter(torch.zeros(1, count, size))

    def joined(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        states = super().joined(patches, grid)
        registers = self.register_tokens.expand(states.shape[0], -1, -1)
        return torch.cat([states[:, :1], registers, states[:, 1:]], dim=1)

    def resampled(self, learned: Tensor, grid: tuple[int, int]) -> Tensor:
        return layers.resampled_positions(learned, 1, self.grid, grid, self.mode, antialias=True)


class Dinov2WithRegistersPreTrainedModel(Dinov2PreTrainedModel):
    """What all models with registers share."""

    config_class = Dinov2WithRegistersConfig
    config: Dinov2WithRegistersConfig
    base_model_prefix = "dinov2_with_registers"


class Dinov2WithRegistersModel(Dinov2WithRegistersPreTrainedModel, Dinov2Model):
    """The body."""

    config: Dinov2WithRegistersConfig
    embeddings_class = Dinov2WithRegistersEmbeddings


class Dinov2WithRegistersForImageClassification(
    Dinov2WithRegistersPreTrainedModel, Dinov2ForImageClassification
):
    """A class for an image, by the states of the first token and of the mean patch."""

    config: Dinov2WithRegistersConfig
    body_class = Dinov2WithRegistersModel


class Dinov2WithRegistersBackbone(Dinov2WithRegistersPreTrainedModel, Dinov2Backbone):
    """The states of layers as feature maps."""

    config: Dinov2WithRegistersConfig
    embeddings_class = Dinov2WithRegistersEmbeddings
