"""The first values of CLIP's weights, narrower the more layers there are."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from automodel_core.families.clip.towers import ImageEmbeddings, TextTower
from automodel_core.layers.attention import Attention
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.first_values import init_normal

__all__ = ["TowerPreTrainedModel"]


class TowerPreTrainedModel(PreTrainedModel):
    """A model whose towers, and what projects their pooled states, are drawn as CLIP's are."""

    config: Any

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, Attention | FeedForward):
            self._init_part(module)
        elif isinstance(module, ImageEmbeddings):
            factor, size = self.config.initializer_factor, self.config.hidden_size
            spread = self.config.initializer_range * factor
            module.patches.projection.weight.normal_(0.0, spread)
            module.positions.weight.normal_(0.0, spread)
            if module.class_token is not None:
                module.class_token.normal_(0.0, size**-0.5 * factor)
        elif isinstance(module, TextTower):
            for table in (module.embed_tokens, module.embed_positions):
                init_normal(table, 0.02 * self.config.initializer_factor)

    def _init_part(self, module: Attention | FeedForward) -> None:
        size, factor = self.config.hidden_size, self.config.initializer_factor
        deep = size**-0.5 * (2 * self.config.num_hidden_layers) ** -0.5 * factor
        if isinstance(module, FeedForward):
            module.up_proj.weight.normal_(0.0, (2 * size) ** -0.5 * factor)
            module.down_proj.weight.normal_(0.0, deep)
            return
        for projection in (module.q_proj, module.k_proj, module.v_proj):
            projection.weight.normal_(0.0, deep)
        module.o_proj.weight.normal_(0.0, size**-0.5 * factor)

    @torch.no_grad()
    def init_projection(self, projection: nn.Module) -> None:
        """Draw the weights of a layer that takes pooled states."""
        if isinstance(projection, nn.Linear):
            spread = projection.in_features**-0.5 * self.config.initializer_factor
            projection.weight.normal_(0.0, spread)
