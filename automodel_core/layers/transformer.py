"""A transformer layer, wired from attentions, a feed-forward part and norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.caches.base import Cache, CrossAttentionCache, LayerCache
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.caches.state import LayerState
from automodel_core.layers.kernels.decode_steps import own_step, prepare_norm
from automodel_core.layers.kernels.linear import make_contiguous
from automodel_core.layers.parts import (
    CrossAttention,
    CrossAttentionStep,
    FeedForwardPart,
    FeedForwardStep,
    LayerInputs,
    LayerStep,
    SelfAttention,
    SelfAttentionStep,
    Weights,
)
from automodel_core.layers.positions.rotary import Rotation
from automodel_core.layers.stack import drop_path, finite

__all__ = ["ScaledTransformerLayer", "TransformerLayer"]


class TransformerLayer(nn.Module):
    """Self-attention, cross-attention and a feed-forward part if any, each with its residual.

    ``norm_first`` normalises what enters a part (pre-norm) instead of the sum that leaves it
    (post-norm).
    """

    def __init__(
        self,
        self_attn: SelfAttention,
        mlp: FeedForwardPart | None,
        norm: Callable[[], nn.Module],
        *,
        norm_first: bool,
        cross_attn: CrossAttention | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attn = self_attn
        self.self_attn_norm = norm()
        self.cross_attn = cross_attn
        self.cross_attn_norm = None if cross_attn is None else norm()
        self.mlp = mlp
        self.mlp_norm = None if mlp is None else norm()
        self._new_state = self_attn.new_state  # also where a wrapper takes the part's place
        self.norm_first = norm_first
        self.dropout = dropout

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the layer's weights, their rows contiguous: `fully_shard` takes no others."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                make_contiguous(module)
        return super().named_parameters(prefix, recurse, remove_duplicate)

    def new_state(self, cache: Cache) -> LayerState:
        return self._new_state(cache)

    def forward(
        self,
        hidden_states: Tensor,
        inputs: LayerInputs,
        *,
        cache: LayerCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights]:
        """Return the new states and, on request, the weights of both attentions."""
        added, weights = self.self_attn(
            self._entering(hidden_states, self.self_attn_norm),
            inputs.mask,
            rotation=inputs.rotation,
            cache=None if cache is None else cache.state,
            output_attentions=output_attentions,
        )
        hidden_states = self._leaving(hidden_states, added, self.self_attn_norm)
        cross_weights = None
        if self.cross_attn is not None and inputs.context is not None:
            added, cross_weights = self.cross_attn.over(
                self._entering(hidden_states, self.cross_attn_norm),
                inputs.context,
                inputs.context_mask,
                cache=None if cache is None else cache.cross_attn,
                output_attentions=output_attentions,
            )
            hidden_states = self._leaving(hidden_states, added, self.cross_attn_norm)
        if self.mlp is not None:
            added = self.mlp(self._entering(hidden_states, self.mlp_norm))
            hidden_states = self._leaving(hidden_states, added, self.mlp_norm)
        return hidden_states, (weights, cross_weights)

    def _entering(self, hidden_states: Tensor, norm: nn.Module | None) -> Tensor:
        return norm(hidden_states) if self.norm_first and norm is not None else hidden_states

    def _leaving(self, residual: Tensor, added: Tensor, norm: nn.Module | None) -> Tensor:
        total = finite(residual + F.dropout(added, self.dropout, self.training))
        return total if self.norm_first or norm is None else norm(total)

    def decode_step(self, rows: int) -> LayerStep:
        """Return the layer for one new token a row, on states ``(rows, hidden_size)``."""
        attend, attend_over, feed = self_attention_step(self.self_attn, rows), None, None
        if self.cross_attn is not None:
            attend_over = cross_attention_step(self.cross_attn, rows)
        if self.mlp is not None:
            feed = feed_forward_step(self.mlp, rows)
        norm, cross_norm, feed_norm = (
            prepare_norm(norm or nn.Identity())
            for norm in (self.self_attn_norm, self.cross_attn_norm, self.mlp_norm)
        )

        def pre_norm_step(states: Tensor, inputs: LayerInputs, cache: LayerCache) -> Tensor:
            added = attend(norm(states), inputs.mask, inputs.rotation, cache.state)
            states = states + added
            if attend_over is not None and inputs.context is not None:
                states = states + attend_over(
                    cross_norm(states), inputs.context, inputs.context_mask, cache.cross_attn
                )
            return states if feed is None else states + feed(feed_norm(states))

        def post_norm_step(states: Tensor, inputs: LayerInputs, cache: LayerCache) -> Tensor:
            added = attend(states, inputs.mask, inputs.rotation, cache.state)
            states = norm(states + added)
            if attend_over is not None and inputs.context is not None:
                added = attend_over(states, inputs.context, inputs.context_mask, cache.cross_attn)
                states = cross_norm(states + added)
            return states if feed is None else feed_norm(states + feed(states))

        return pre_norm_step if self.norm_first else post_norm_step


class ScaledTransformerLayer(TransformerLayer):
    """A layer that scales each feature of what its parts add (https://arxiv.org/abs/2103.17239).

    In training it is left out of a row with probability ``drop_path``.
    """

    def __init__(
        self,
        self_attn: SelfAttention,
        mlp: FeedForwardPart,
        norm: Callable[[], nn.Module],
        *,
        norm_first: bool,
        size: int,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(self_attn, mlp, norm, norm_first=norm_first)
        self.self_attn_scale = nn.Parameter(torch.ones(size))
        self.mlp_scale = nn.Parameter(torch.ones(size))
        self.drop_path = drop_path

    def _leaving(self, residual: Tensor, added: Tensor, norm: nn.Module | None) -> Tensor:
        scale = self.self_attn_scale if norm is self.self_attn_norm else self.mlp_scale
        added = drop_path(added * scale, self.drop_path, self.training)
        return super()._leaving(residual, added, norm)


def self_attention_step(part: SelfAttention, rows: int) -> SelfAttentionStep:
    """Return a part's own decode step, or else its ``forward`` as one."""
    own: SelfAttentionStep | None = own_step(part, rows)
    if own is not None:
        return own

    def step(states: Tensor, mask: Mask, rotation: Rotation | None, cache: Any) -> Tensor:
        attended: Tensor = part(states[:, None], mask, rotation=rotation, cache=cache)[0]
        return attended[:, 0]

    return step


def cross_attention_step(part: CrossAttention, rows: int) -> CrossAttentionStep:
    """Return a part's own decode step, or else its ``over`` as one."""
    own: CrossAttentionStep | None = own_step(part, rows, "decode_step_over")
    if own is not None:
        return own

    def step(
        states: Tensor, context: Tensor, mask: Tensor | None, cache: CrossAttentionCache
    ) -> Tensor:
        attended, _ = part.over(states[:, None], context, mask, cache=cache)
        return attended[:, 0]

    return step


def feed_forward_step(part: FeedForwardPart, rows: int) -> FeedForwardStep:
    """Return a part's own decode step, or else its ``forward`` as one."""
    own: FeedForwardStep | None = own_step(part, rows)
    return (lambda states: part(states[:, None])[:, 0]) if own is None else own
