"""Transformer layers and stacks, wired from an attention, a feed-forward part and norms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from automodel_core.layers.attention import Attention
from automodel_core.layers.caches.base import Cache, LayerCache
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.feed_forward import FeedForward, GatedFeedForward
from automodel_core.layers.kernels.decode_steps import has_hooks, may_prepare, prepare_norm

__all__ = ["LayerStack", "StackOutput", "TransformerLayer", "TransformerStack"]

Step = Callable[[Tensor, Mask, LayerCache, Tensor | None, Tensor | None], Tensor]
Weights = tuple[Tensor | None, Tensor | None]


class TransformerLayer(nn.Module):
    """Self-attention, cross-attention if any, and a feed-forward part, each with its residual.

    ``norm_first`` normalises what enters a part (pre-norm) instead of the sum that leaves it
    (post-norm).
    """

    def __init__(
        self,
        self_attn: Attention,
        mlp: FeedForward | GatedFeedForward,
        norm: Callable[[], nn.Module],
        *,
        norm_first: bool,
        cross_attn: Attention | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attn = self_attn
        self.self_attn_norm = norm()
        self.cross_attn = cross_attn
        self.cross_attn_norm = norm() if cross_attn is not None else None
        self.mlp = mlp
        self.mlp_norm = norm()
        self.norm_first = norm_first
        self.dropout = dropout

    def forward(
        self,
        hidden_states: Tensor,
        mask: Mask = None,
        *,
        cache: LayerCache | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights]:
        """Return the new states and, on request, the weights of both attentions."""
        attended, weights = self.self_attn(
            self._entering(hidden_states, self.self_attn_norm),
            mask,
            cache=None if cache is None else cache.self_attn,
            output_attentions=output_attentions,
        )
        hidden_states = self._leaving(hidden_states, attended, self.self_attn_norm)
        cross_weights = None
        if self.cross_attn is not None and self.cross_attn_norm is not None and context is not None:
            attended, cross_weights = self.cross_attn.over(
                self._entering(hidden_states, self.cross_attn_norm),
                context,
                context_mask,
                cache=None if cache is None else cache.cross_attn,
                output_attentions=output_attentions,
            )
            hidden_states = self._leaving(hidden_states, attended, self.cross_attn_norm)
        fed = self.mlp(self._entering(hidden_states, self.mlp_norm))
        return self._leaving(hidden_states, fed, self.mlp_norm), (weights, cross_weights)

    def _entering(self, hidden_states: Tensor, norm: nn.Module) -> Tensor:
        normed: Tensor = norm(hidden_states) if self.norm_first else hidden_states
        return normed

    def _leaving(self, residual: Tensor, added: Tensor, norm: nn.Module) -> Tensor:
        total = residual + F.dropout(added, self.dropout, self.training)
        if total.dtype == torch.float16:
            largest = torch.finfo(torch.float16).max
            total = total.clamp(-largest, largest)
        normed: Tensor = total if self.norm_first else norm(total)
        return normed

    def prepare(self, rows: int) -> Step:
        """Return the layer for decoding one token a row, on states ``(rows, hidden_size)``."""
        attend, attend_norm = self.self_attn.prepare(rows), prepare_norm(self.self_attn_norm)
        feed, feed_norm = self.mlp.prepare(rows), prepare_norm(self.mlp_norm)
        attend_over = cross_norm = None
        if self.cross_attn is not None and self.cross_attn_norm is not None:
            attend_over, cross_norm = (
                self.cross_attn.prepare_over(rows),
                prepare_norm(self.cross_attn_norm),
            )

        def pre_norm_step(
            states: Tensor,
            mask: Mask,
            cache: LayerCache,
            context: Tensor | None,
            context_mask: Tensor | None,
        ) -> Tensor:
            states = states + attend(attend_norm(states), mask, cache.self_attn)
            if attend_over is not None and cross_norm is not None and context is not None:
                states = states + attend_over(
                    cross_norm(states), context, context_mask, cache.cross_attn
                )
            return states + feed(feed_norm(states))

        def post_norm_step(
            states: Tensor,
            mask: Mask,
            cache: LayerCache,
            context: Tensor | None,
            context_mask: Tensor | None,
        ) -> Tensor:
            states = attend_norm(states + attend(states, mask, cache.self_attn))
            if attend_over is not None and cross_norm is not None and context is not None:
                states = cross_norm(
                    states + attend_over(states, context, context_mask, cache.cross_attn)
                )
            return feed_norm(states + feed(states))

        return pre_norm_step if self.norm_first else post_norm_step


@dataclass
class StackOutput:
    """What a stack returns; the tuples are ``None`` unless asked for."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


class LayerStack(nn.Module):
    """Layers whose inner states training may compute again instead of keeping them."""

    def __init__(self) -> None:
        super().__init__()
        self.gradient_checkpointing = False

    def run(self, layer: nn.Module, *states: Any, **arguments: Any) -> Any:
        """Call a layer; with gradient checkpointing, what enters it is all that is kept."""
        if self.gradient_checkpointing and self.training:
            return checkpoint(layer, *states, use_reentrant=False, **arguments)
        return layer(*states, **arguments)


class TransformerStack(LayerStack):
    """Layers in turn, then a norm (if given) and dropout; keeps what the caller asks to see.

    ``hidden_states`` holds what enters each layer and, last, what leaves the stack. In training a
    layer is left out with probability ``layerdrop`` (https://arxiv.org/abs/1909.11556). Gradient
    checkpointing stands back where there is a cache, which a second pass over a layer would fill
    twice.
    """

    def __init__(
        self,
        layers: Sequence[TransformerLayer],
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
        hidden_states: Tensor,
        mask: Mask = None,
        *,
        cache: Cache | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> StackOutput:
        """Run ``(batch, length, hidden_size)`` through the layers."""
        wants_more = output_attentions or output_hidden_states
        if cache is not None:
            mask = cache.fit(mask, hidden_states)
        if cache is not None and not wants_more and self._may_use_steps(hidden_states, cache):
            return StackOutput(self._decode(hidden_states, mask, cache, context, context_mask))

        entering: list[Tensor] = []
        weights: list[Weights] = []
        for index, layer in enumerate(self.layers):
            entering.append(hidden_states)
            if self.training and self.layerdrop > 0.0 and torch.rand([]) < self.layerdrop:
                continue
            arguments: dict[str, Any] = {
                "cache": None if cache is None else cache.layer(index),
                "context": context,
                "context_mask": context_mask,
                "output_attentions": output_attentions,
            }
            hidden_states, seen = (
                self.run(layer, hidden_states, mask, **arguments)
                if cache is None
                else layer(hidden_states, mask, **arguments)
            )
            weights.append(seen)
        hidden_states = self._finish(hidden_states)
        return StackOutput(
            hidden_states,
            hidden_states=(*entering, hidden_states) if output_hidden_states else None,
            attentions=_collected(weights, 0) if output_attentions else None,
            cross_attentions=_collected(weights, 1)
            if output_attentions and context is not None
            else None,
        )

    def _finish(self, hidden_states: Tensor) -> Tensor:
        if self.norm is not None:
            hidden_states = self.norm(hidden_states)
        return F.dropout(hidden_states, self.dropout, self.training)

    def _may_use_steps(self, hidden_states: Tensor, cache: Cache) -> bool:
        one_token = hidden_states.shape[1] == 1
        return one_token and not self.training and may_prepare(hidden_states, cache)

    def _decode(
        self,
        hidden_states: Tensor,
        mask: Mask,
        cache: Cache,
        context: Tensor | None,
        context_mask: Tensor | None,
    ) -> Tensor:
        """Run one new token a row through the layers in their prepared form."""
        rows = len(hidden_states)
        key = (self, rows)
        if key not in cache.memo:
            steps = [_step_of(layer, rows) for layer in self.layers]
            cache.memo[key] = steps, None if self.norm is None else prepare_norm(self.norm)
        steps, norm = cache.memo[key]
        states = hidden_states.view(rows, -1)
        for index, step in enumerate(steps):
            states = step(states, mask, cache.layer(index), context, context_mask)
        return (states if norm is None else norm(states))[:, None]


def _step_of(layer: nn.Module, rows: int) -> Step:
    """Return a layer's prepared form, or the layer itself if a part is replaced or has hooks."""
    if type(layer) is TransformerLayer and _has_own_parts(layer):
        return layer.prepare(rows)

    def step(
        states: Tensor,
        mask: Mask,
        cache: LayerCache,
        context: Tensor | None,
        context_mask: Tensor | None,
    ) -> Tensor:
        states, _ = layer(
            states[:, None], mask, cache=cache, context=context, context_mask=context_mask
        )
        return states[:, 0]

    return step


def _has_own_parts(layer: TransformerLayer) -> bool:
    """Return whether every part defines its own decode step and has no hooks.

    A class that only inherits its decode step may compute something else in ``forward``. Hooks of
    linear layers are looked at one by one, when these are packed.
    """
    forms: list[tuple[nn.Module, str]] = [(layer.self_attn, "prepare"), (layer.mlp, "prepare")]
    if layer.cross_attn is not None:
        forms.append((layer.cross_attn, "prepare_over"))
    own = all(form in vars(type(part)) for part, form in forms)
    return own and not any(
        has_hooks(part) for part in layer.modules() if not isinstance(part, nn.Linear)
    )


def _collected(weights: list[Weights], which: int) -> tuple[Tensor, ...]:
    return tuple(seen[which] for seen in weights if seen[which] is not None)  # type: ignore[misc]
