"""Layers whose attentions know positions at every depth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.linear import project
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.stack import finite

__all__ = ["PlacedAttention", "PlacedLayer", "placed_layer"]

Weights = Tensor | None


class PlacedAttention(Attention):
    """Attention to whose queries and keys positions are added, and to values none."""

    def forward(  # type: ignore[override]
        self,
        hidden_states: Tensor,
        mask: Tensor | None = None,
        *,
        context: Tensor | None = None,
        positions: Tensor | None = None,
        context_positions: Tensor | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights]:
        """Attend from states to a ``context``, by default to themselves.

        States and their ``positions`` are ``(batch, places, size)``, or broadcast to it.
        """
        placed = hidden_states if positions is None else hidden_states + positions
        if context is None:
            context, placed_context = hidden_states, placed
        else:
            placed_context = context if context_positions is None else context + context_positions
        value = self._split(project(self.v_proj, context))
        query, key = self._query(placed), self._key(placed_context)
        return self._attend(query, key, value, mask, output_attentions)


class PlacedLayer(nn.Module):
    """Self-attention, cross-attention if any, and a feed-forward part, each with its residual.

    ``norm_first`` normalises what enters a part instead of the sum that leaves it.
    """

    def __init__(
        self,
        self_attn: PlacedAttention,
        mlp: nn.Module,
        norm: Callable[[], nn.Module],
        *,
        norm_first: bool,
        cross_attn: PlacedAttention | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attn = self_attn
        self.self_attn_norm = norm()
        self.cross_attn = cross_attn
        self.cross_attn_norm = None if cross_attn is None else norm()
        self.mlp = mlp
        self.mlp_norm = norm()
        self.norm_first = norm_first
        self.dropout = dropout

    def forward(
        self,
        states: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        context_positions: Tensor | None = None,
        context_mask: Tensor | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights, Weights]:
        """Return the new states and, on request, the weights of both attentions."""
        added, weights = self.self_attn(
            self._entering(states, self.self_attn_norm),
            mask,
            positions=positions,
            output_attentions=output_attentions,
        )
        states, cross_weights = self._crossed(
            self._leaving(states, added, self.self_attn_norm),
            positions,
            context,
            context_positions,
            context_mask,
            output_attentions,
        )
        added = self.mlp(self._entering(states, self.mlp_norm))
        return self._leaving(states, added, self.mlp_norm), weights, cross_weights

    def _crossed(
        self,
        states: Tensor,
        positions: Tensor,
        context: Tensor | None,
        context_positions: Tensor | None,
        context_mask: Tensor | None,
        output_attentions: bool,
    ) -> tuple[Tensor, Weights]:
        """Return states that have attended to a context, if there is one, and the weights."""
        if self.cross_attn is None or self.cross_attn_norm is None or context is None:
            return states, None
        added, weights = self.cross_attn(
            self._entering(states, self.cross_attn_norm),
            context_mask,
            context=context,
            positions=positions,
            context_positions=context_positions,
            output_attentions=output_attentions,
        )
        return self._leaving(states, added, self.cross_attn_norm), weights

    def _entering(self, states: Tensor, norm: nn.Module) -> Tensor:
        return norm(states) if self.norm_first else states

    def _leaving(self, states: Tensor, added: Tensor, norm: nn.Module) -> Tensor:
        total = finite(states + F.dropout(added, self.dropout, self.training))
        return total if self.norm_first else norm(total)


def placed_layer(
    config: Any, heads: int, width: int, *, crosses: bool, norm_first: bool = False
) -> PlacedLayer:
    """Return a layer of an encoder or, if it ``crosses``, of a decoder.

    The configuration is DETR's, but for the number of ``heads`` and the ``width`` between the
    feed-forward part's projections, which encoder and decoder have of their own.
    """
    size = config.d_model

    def attention() -> PlacedAttention:
        return PlacedAttention(equal_heads(size, heads), dropout=config.attention_dropout)

    return PlacedLayer(
        attention(),
        FeedForward(
            size,
            width,
            activation=config.activation_function,
            dropout=config.activation_dropout,
        ),
        partial(layer_norm, size, eps=1e-5),
        norm_first=norm_first,
        cross_attn=attention() if crosses else None,
        dropout=config.dropout,
    )
