"""A layer with a convolution beside it, as the first of DeBERTa-v2's large sizes."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers
from automodel_deberta.configuration import DebertaV2Config
from automodel_deberta.distances import DistanceView


class LayerWithConvolution(layers.TransformerLayer):
    """A layer, to whose states are added those that entered it, convolved along the text."""

    def __init__(self, config: DebertaV2Config, *parts: Any, **settings: Any) -> None:
        super().__init__(*parts, **settings)
        kernel, size = config.conv_kernel_size, config.hidden_size
        self.conv = nn.Conv1d(
            size, size, kernel, padding=(kernel - 1) // 2, groups=config.conv_groups
        )
        self.conv_act = layers.activation(config.conv_act)
        self.conv_norm = layers.layer_norm(size, eps=config.layer_norm_eps)

    def forward(
        self,
        hidden_states: Tensor,
        inputs: layers.LayerInputs,
        *,
        cache: Any = None,
        output_attentions: bool = False,
    ) -> Any:
        states, weights = super().forward(
            hidden_states, inputs, cache=cache, output_attentions=output_attentions
        )
        convolved: Tensor = self.conv(hidden_states.transpose(1, 2)).transpose(1, 2)
        visible = inputs.mask.tokens if isinstance(inputs.mask, DistanceView) else None
        if visible is not None:
            convolved = convolved * visible.to(convolved)
        added = self.conv_act(F.dropout(convolved, self.dropout, self.training))
        states = self.conv_norm(states + added)
        return states if visible is None else states * visible.to(states), weights
