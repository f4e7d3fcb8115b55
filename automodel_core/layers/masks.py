"""Attention masks: which keys a query may see, as numbers to add to the scores.

A mask of ``None`` hides nothing, which keeps the fastest attention kernels reachable.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.key_view import CAUSAL, Mask
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.tracing import holds, in_trace

__all__ = [
    "additive",
    "causal_mask",
    "context_mask",
    "decoder_mask",
    "packed_mask",
    "padding_mask",
    "visible_keys",
]


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """Return 0 where ``visible``, elsewhere the lowest number.

    It is finite, so that a row without a visible key gives finite weights too.
    """
    return torch.zeros_like(visible, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)


def visible_keys(attention_mask: Tensor) -> Tensor | None:
    """Return a mask of 1 and 0 as booleans of four dimensions, or ``None`` when it hides nothing.

    It may come as ``(batch, keys)``, ``(batch, queries, keys)`` or with heads between them. In a
    trace, which cannot look, it is taken to hide something.
    """
    visible = attention_mask != 0
    if not in_trace() and bool(visible.all()):
        return None
    if visible.dim() == 2:
        return visible[:, None, None, :]
    return visible[:, None] if visible.dim() == 3 else visible


def padding_mask(attention_mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Return the additive mask that hides padding.

    It broadcasts to ``(batch, heads, queries, keys)``; ``None`` hides nothing.
    """
    if attention_mask is None:
        return None
    if attention_mask.is_floating_point() and attention_mask.dim() == 4:
        return attention_mask.to(dtype)
    visible = visible_keys(attention_mask)
    return None if visible is None else additive(visible, dtype)


def context_mask(
    attention_mask: Tensor | None, dtype: torch.dtype, cache: Cache | None
) -> Tensor | None:
    """Return the additive mask of the padding in a decoder's context.

    A decoding loop gives the same tensor at every step, and has its mask made once a sequence.
    """
    if attention_mask is None or cache is None or not cache.decoding:
        return padding_mask(attention_mask, dtype)
    known: tuple[Tensor, torch.dtype, Tensor | None] | None = cache.memo.get(context_mask)
    if known is None or known[0] is not attention_mask or known[1] != dtype:
        known = (attention_mask, dtype, padding_mask(attention_mask, dtype))
        cache.memo[context_mask] = known
    return known[2]


def causal_mask(
    attention_mask: Tensor | None, queries: int, keys: int, dtype: torch.dtype, device: torch.device
) -> Tensor | None:
    """Return the additive mask of a decoder whose ``queries`` are the last of ``keys`` positions.

    ``None`` for one query without padding, which sees every key, unless a trace leaves open how
    many queries there are.
    """
    if (
        attention_mask is not None
        and attention_mask.dim() == 4
        and attention_mask.is_floating_point()
    ):
        return attention_mask.to(dtype)
    visible = None if attention_mask is None else visible_keys(attention_mask)
    if not holds(queries == 1) and (attention_mask is None or attention_mask.dim() == 2):
        places = torch.arange(keys, device=device)
        earlier = places <= places[keys - queries :, None]
        visible = earlier[None, None] if visible is None else visible & earlier
    return None if visible is None else additive(visible, dtype)


def decoder_mask(
    attention_mask: Tensor | None, span: PositionSpan, states: Tensor, *, window: int | None = None
) -> Mask:
    """Return the mask of a decoder's ``states`` at ``span``.

    It is `CAUSAL`, which needs no tensor, if the kernel's causal mode is enough. With a ``window``
    a query sees that many positions, itself the last; a mask of three or more dimensions already
    says what each query sees, and stays as it is.
    """
    flat = attention_mask is None or attention_mask.dim() == 2
    if window is not None and not span.is_compiled and holds(span.end <= window):
        window = None
    plain = window is None and span.begins and flat
    if plain and (attention_mask is None or visible_keys(attention_mask) is None):
        return None if holds(span.length == 1) else CAUSAL
    mask = causal_mask(attention_mask, span.length, span.keys, states.dtype, states.device)
    if window is None or not flat:
        return mask
    near = span.positions[:, None] - torch.arange(span.keys, device=states.device) < window
    if mask is None:
        return additive(near[None, None], states.dtype)
    return mask.masked_fill(~near, torch.finfo(states.dtype).min)


def packed_mask(position_ids: Tensor) -> Tensor | None:
    """Return which keys each query sees, ``(batch, queries, keys)``, where rows hold many texts.

    A text ends where positions do not go on by one. ``None`` where each row is one text, which a
    trace cannot see.
    """
    ends = position_ids.diff(dim=-1) != 1
    if not in_trace() and not bool(ends.any()):
        return None
    texts = F.pad(ends.cumsum(-1), (1, 0)).reshape(-1, 1, position_ids.shape[-1])
    return (texts == texts.transpose(1, 2)).tril()
