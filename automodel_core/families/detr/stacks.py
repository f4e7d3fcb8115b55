"""The encoder of a map's places, and the decoder of queries that look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.families.detr.layers import PlacedLayer
from automodel_core.layers.stack import LayerStack
from automodel_core.modeling.outputs.base import BaseModelOutput

__all__ = ["MapEncoder", "QueryDecoder", "QueryDecoderOutput"]


class MapEncoder(LayerStack):
    """Layers over the places of a map, then a norm if any.

    In training a layer is left out with probability ``layerdrop``.
    """

    def __init__(
        self,
        layers: Sequence[PlacedLayer],
        norm: nn.Module | None = None,
        dropout: float = 0.0,
        layerdrop: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = norm
        self.dropout = dropout
        self.layerdrop = layerdrop

    def forward(
        self,
        states: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> BaseModelOutput:
        """Run places ``(batch, places, size)`` through the layers.

        ``mask`` is additive. Hidden states are what enters each layer, and what leaves the last.
        """
        states = F.dropout(states, self.dropout, self.training)
        seen: list[Tensor] = [states]
        attentions: list[Tensor | None] = []
        for layer in self.layers:
            if self.training and self.layerdrop > 0.0 and torch.rand([]) < self.layerdrop:
                continue
            states, weights, _ = self.run(
                layer, states, positions, mask, output_attentions=output_attentions
            )
            seen.append(states)
            attentions.append(weights)
        return BaseModelOutput(
            last_hidden_state=states if self.norm is None else self.norm(states),
            hidden_states=tuple(seen) if output_hidden_states else None,
            attentions=_shown(attentions) if output_attentions else None,
        )


@dataclass
class QueryDecoderOutput(BaseModelOutput):
    """States of queries; those behind each layer ``(layers, batch, queries, size)`` on request."""

    intermediate_hidden_states: Tensor | None = None


class QueryDecoder(LayerStack):
    """Layers in which queries look at each other and at a map, then a norm.

    With ``intermediate``, each layer's states are normalised too: they are kept, to predict from
    each of them, and passed on so.
    """

    def __init__(
        self,
        layers: Sequence[PlacedLayer],
        norm: nn.Module,
        intermediate: bool = False,
        layerdrop: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = norm
        self.intermediate = intermediate
        self.layerdrop = layerdrop

    def forward(
        self,
        states: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        context: Tensor,
        context_positions: Tensor,
        context_mask: Tensor | None,
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> QueryDecoderOutput:
        """Run queries ``(batch, queries, size)`` through the layers; masks are additive."""
        seen: list[Tensor] = [states]
        kept: list[Tensor] = []
        attentions: list[Tensor | None] = []
        cross_attentions: list[Tensor | None] = []
        for layer in self.layers:
            if self.training and self.layerdrop > 0.0 and torch.rand([]) < self.layerdrop:
                continue
            states, weights, cross_weights = self.run(
                layer,
                states,
                positions,
                mask,
                context,
                context_positions,
                context_mask,
                output_attentions=output_attentions,
            )
            if self.intermediate:
                states = self.norm(states)
                kept.append(states)
            seen.append(states)
            attentions.append(weights)
            cross_attentions.append(cross_weights)
        states = self.norm(states)
        return QueryDecoderOutput(
            last_hidden_state=states,
            hidden_states=(*seen[:-1], states) if output_hidden_states else None,
            attentions=_shown(attentions) if output_attentions else None,
            cross_attentions=_shown(cross_attentions) if output_attentions else None,
            intermediate_hidden_states=torch.stack(kept) if kept else None,
        )


def _shown(weights: list[Tensor | None]) -> tuple[Tensor, ...]:
    return tuple(each for each in weights if each is not None)
