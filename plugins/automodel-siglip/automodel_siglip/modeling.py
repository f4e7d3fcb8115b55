"""SigLIP: a tower of texts and a tower of images, trained by a sigmoid for each pair."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.families.clip import (
    ImageEmbeddings,
    ImageTower,
    ImageTowerForImageClassification,
    TextTower,
)
from automodel_siglip.configuration import SiglipConfig, SiglipTextConfig, SiglipVisionConfig
from automodel_siglip.weights import image_names, siglip_names, text_names

BIAS_SPREAD = 1e-6
"""Of the first biases of feed-forward parts."""


class AttentionPooling(nn.Module):
    """A learned query that attends to all states, and a feed-forward part."""

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.probe = nn.Parameter(torch.zeros(1, 1, size))
        self.attention = layers.Attention(layers.equal_heads(size, config.num_attention_heads))
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.mlp = layers.FeedForward(size, config.intermediate_size, activation=config.hidden_act)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, hidden_size)`` for ``(batch, length, hidden_size)``."""
        probe = self.probe.expand(states.shape[0], -1, -1)
        pooled, _ = self.attention.over(probe, states)
        pooled = pooled + self.mlp(self.norm(pooled))
        whole: Tensor = pooled[:, 0]
        return whole


class SiglipPreTrainedModel(modeling.PreTrainedModel):
    """What all SigLIP models share: their first values, as JAX draws them."""

    config_class: ClassVar[type[PreTrainedConfig]] = SiglipConfig
    config: Any

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        factor = self.config.initializer_factor
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            modeling.init_normal(module, factor * module.weight[0].numel() ** -0.5)
        else:
            super().init_module(module)
        if isinstance(module, layers.Attention):
            for layer in (module.q_proj, module.k_proj, module.v_proj, module.o_proj):
                nn.init.xavier_uniform_(layer.weight, gain=factor)
        elif isinstance(module, layers.FeedForward):
            for layer in (module.up_proj, module.down_proj):
                nn.init.xavier_uniform_(layer.weight, gain=factor)
                layer.bias.normal_(0.0, BIAS_SPREAD)
        elif isinstance(module, AttentionPooling):
            self._init_pooling(module, factor)

    def _init_pooling(self, module: AttentionPooling, factor: float) -> None:
        nn.init.xavier_uniform_(module.probe, gain=factor)
        attention, size = module.attention, module.probe.shape[-1]
        for layer in (attention.q_proj, attention.k_proj, attention.v_proj):
            # As if the three were one matrix, which they are in files.
            nn.init.xavier_uniform_(layer.weight, gain=factor * 0.5**0.5)
        attention.o_proj.weight.normal_(0.0, factor * size**-0.5)


class SiglipTextModel(SiglipPreTrainedModel, TextTower):
    """The tower of texts: tokens see each other, and the last place stands for a text."""

    config_class = SiglipTextConfig
    pools_last_place = True

    def __init__(self, config: SiglipTextConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.head = layers.linear(size, config.projection_size or size)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return text_names("")

    def pool(self, states: Tensor, inputs: modeling.TextInputs) -> Tensor:
        pooled: Tensor = self.head(states[:, -1])
        return pooled


class SiglipVisionModel(SiglipPreTrainedModel, ImageTower):
    """The tower of images: its last norm is of all states, which a learned query pools."""

    config_class = SiglipVisionConfig

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__(config)
        patches = layers.PatchEmbedding(config.num_channels, config.hidden_size, config.patch_size)
        self.embed = ImageEmbeddings(config.image_size, patches)
        self.embed_norm = nn.Identity()
        self.head = AttentionPooling(config) if config.vision_use_head else None
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names("")

    def pool(self, states: Tensor) -> tuple[Tensor, Tensor | None]:
        states = self.norm(states)
        return states, None if self.head is None else self.head(states)


class NothingPooled(nn.Module):
    """Stands for what images are compared by, where none is pooled."""

    def forward(self, pooled: Tensor | None) -> Tensor:
        raise ConfigurationError("SiglipModel compares pooled images: vision_use_head is false")


class SiglipModel(SiglipPreTrainedModel, modeling.TwoTowerModel):
    """Both towers: how likely each text and image belong together, by a sigmoid of the score."""

    base_model_prefix = "siglip"

    def __init__(self, config: SiglipConfig) -> None:
        super().__init__(config)
        self.text_model = SiglipTextModel(config.text_config)
        self.vision_model = SiglipVisionModel(config.vision_config)
        self.pair_loss = modeling.sigmoid_contrastive_loss
        self.text_projection = nn.Identity()
        pools = config.vision_config.vision_use_head
        self.visual_projection = nn.Identity() if pools else NothingPooled()
        self.logit_scale = nn.Parameter(torch.zeros(1))
        self.logit_bias = nn.Parameter(torch.zeros(1))
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return siglip_names()


class SiglipForImageClassification(SiglipPreTrainedModel, ImageTowerForImageClassification):
    """A class for an image, by the states of its patches behind the last norm."""

    def __init__(self, config: SiglipConfig) -> None:
        tower = SiglipVisionModel(config.vision_config)
        super().__init__(config, tower)
        if tower.head is not None:
            tower.head.requires_grad_(False)  # its pooled state is not read
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names("model")
