"""What the parts of a layer promise: attentions, mixers, feed-forward parts, and whole layers.

A part may define ``decode_step(rows)``, which returns a function for one new token a row, on states
``(rows, hidden_size)``, with weights packed: decoding loops run it in place of ``forward``. Only a
class's own counts, as a subclass that inherits it may compute something else in ``forward``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from automodel_core.layers.caches.base import Cache, CrossAttentionCache, LayerCache
from automodel_core.layers.caches.key_view import CAUSAL, Mask
from automodel_core.layers.caches.state import LayerState
from automodel_core.layers.positions.rotary import Rotation

__all__ = [
    "CrossAttention",
    "CrossAttentionStep",
    "FeedForwardPart",
    "FeedForwardStep",
    "LayerInputs",
    "LayerStep",
    "Mixer",
    "MixerStep",
    "SelfAttention",
    "SelfAttentionStep",
    "StackLayer",
    "Weights",
]

Weights = tuple[Tensor | None, Tensor | None]
"""Weights ``(batch, heads, queries, keys)`` of self-attention and cross-attention, if asked for."""


@dataclass(frozen=True)
class LayerInputs:
    """What a forward hands to a layer beside its states; the context is an encoder's output."""

    mask: Mask = None
    rotation: Rotation | None = None
    context: Tensor | None = None
    context_mask: Tensor | None = None

    def to(self, device: torch.device | str | int) -> LayerInputs:
        """Return what a layer on another device is handed; views know no device."""
        movable: dict[str, Any] = {
            k: v for k, v in vars(self).items() if isinstance(v, Tensor | Rotation)
        }
        return replace(self, **{name: value.to(device) for name, value in movable.items()})

    def is_by_row(self, rows: int) -> bool:
        """Return whether `of_rows` knows what belongs to each row of a batch."""
        mask = self.mask
        known = mask is None or mask is CAUSAL or (isinstance(mask, Tensor) and mask.dim() == 4)
        tensors = (t for t in vars(self).values() if isinstance(t, Tensor))
        return known and self.rotation is None and all(len(t) in (1, rows) for t in tensors)

    def of_rows(self, start: int, end: int) -> LayerInputs:
        """Return what a layer is handed for some rows; a tensor of one row is for all of them."""
        tensors: dict[str, Any] = {
            k: v[start:end] for k, v in vars(self).items() if isinstance(v, Tensor) and len(v) > 1
        }
        return replace(self, **tensors) if tensors else self


SelfAttentionStep = Callable[[Tensor, Mask, Rotation | None, Any], Tensor]
CrossAttentionStep = Callable[[Tensor, Tensor, Tensor | None, CrossAttentionCache], Tensor]
FeedForwardStep = Callable[[Tensor], Tensor]
MixerStep = Callable[[Tensor, Mask, Any], Tensor]
LayerStep = Callable[[Tensor, LayerInputs, LayerCache], Tensor]


class Part(Protocol):
    """A module, whose ``forward`` each kind of part types."""

    __call__: Callable[..., Any]


class SelfAttention(Part, Protocol):
    """Attend over the sequence itself, and what ``cache`` holds of it.

    Return the new states and, on request, the weights ``(batch, heads, queries, keys)``.
    ``cache`` is what `new_state` returned. ``decode_step(rows)`` gives a `SelfAttentionStep`.
    """

    def new_state(self, cache: Cache) -> LayerState:
        """Return empty keys and values, ``cache.new_attention()``, or a state of another kind."""

    def forward(
        self,
        hidden_states: Tensor,
        mask: Mask = None,
        *,
        rotation: Rotation | None = None,
        cache: Any = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]: ...


class Mixer(Part, Protocol):
    """Let positions meet without attention: a state space, a recurrence, a convolution.

    ``cache`` is what `new_state` returned. ``decode_step(rows)`` gives a `MixerStep`.
    """

    def new_state(self, cache: Cache) -> LayerState:
        """Return an empty state, as a `RecurrentState`."""

    def forward(self, hidden_states: Tensor, mask: Mask = None, *, cache: Any = None) -> Tensor: ...


class CrossAttention(Part, Protocol):
    """Attend over a context, whose keys and values are computed once for one ``cache``.

    ``decode_step_over(rows)`` gives a `CrossAttentionStep`.
    """

    def over(
        self,
        hidden_states: Tensor,
        context: Tensor,
        mask: Tensor | None = None,
        *,
        cache: CrossAttentionCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]: ...


class FeedForwardPart(Part, Protocol):
    """Change each position by itself. ``decode_step(rows)`` gives a `FeedForwardStep`."""

    def forward(self, hidden_states: Tensor) -> Tensor: ...


class StackLayer(Part, Protocol):
    """Return the new states and, on request, the weights of both attentions.

    ``decode_step(rows)`` gives a `LayerStep`.
    """

    def new_state(self, cache: Cache) -> LayerState:
        """Return what the layer keeps of its sequence, empty."""

    def forward(
        self,
        hidden_states: Tensor,
        inputs: LayerInputs,
        *,
        cache: LayerCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights]: ...
