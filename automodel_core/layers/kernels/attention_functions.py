"""Functions that attend: weigh values by how well their keys meet the queries."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.layers.tracing import holds, in_trace

__all__ = [
    "AttentionFunction",
    "attend_in_groups",
    "attention_weights",
    "eager_attention",
    "is_long_for_one",
    "sdpa_attention",
]

FEW = 16
"""Queries whose scores take little memory beside the keys."""

MANY = 1 << 12
"""Keys of all rows and heads that one query each is slow to read by torch's kernel."""


HAS_MKL = torch.backends.mkl.is_available()


class AttentionFunction(Protocol):
    """Attend with states ``(batch, heads, queries or keys, head_dim)`` each.

    The mask is added to the scaled scores ``(batch, heads, queries, keys)``.
    """

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        *,
        is_causal: bool,
        dropout: float,
        scale: float,
    ) -> Tensor: ...


def sdpa_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    dropout: float,
    scale: float,
) -> Tensor:
    """Attend by torch's fused kernels."""
    one = not is_causal and holds(query.shape[2] == 1)
    if one and query.dtype == torch.bfloat16 and query.device.type == "cpu":
        # There the kernel takes half as long for two queries as for one.
        query = query.expand(-1, -1, 2, -1)
        both = F.scaled_dot_product_attention(query, key, value, mask, dropout, scale=scale)
        return both[:, :, :1]
    if not is_causal and dropout == 0.0 and _lie_by_feature(value) and query.shape[2] <= FEW:
        return _attend_by_products(query, key, value, mask, scale)
    return F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal, scale=scale)


def is_long_for_one(key: Tensor) -> bool:
    """Return whether one query attends faster where the values of each feature lie together.

    Then both products run through memory from end to end (measured, see ``docs/performance.md``).
    """
    fits = key.dtype == torch.float32 and key.device.type == "cpu"
    return fits and HAS_MKL and key.shape[:3].numel() >= MANY


def _lie_by_feature(value: Tensor) -> bool:
    return not in_trace() and value.stride(-2) == 1 != value.stride(-1)


def _attend_by_products(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float
) -> Tensor:
    scores = query * scale @ key.transpose(-1, -2)
    weights = (scores if mask is None else scores + mask).softmax(-1)
    if query.shape[2] > 1:
        return weights @ value
    return (value.transpose(-1, -2) @ weights.transpose(-1, -2)).transpose(-1, -2)


def eager_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    dropout: float,
    scale: float,
    softcap: float | None = None,
) -> Tensor:
    """Attend step by step, as the formula is written (https://arxiv.org/abs/1706.03762)."""
    weights = attention_weights(query, key, mask, is_causal=is_causal, scale=scale, softcap=softcap)
    return F.dropout(weights, dropout) @ value


def attention_weights(
    query: Tensor,
    key: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    scale: float,
    softcap: float | None = None,
) -> Tensor:
    """Return the weights ``(batch, heads, queries, keys)``; half precision is left for softmax.

    ``softcap`` bends the scaled scores into ``(-softcap, softcap)`` (https://arxiv.org/abs/2408.00118).
    """
    scores = query @ key.transpose(-1, -2) * scale
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores + mask
    if is_causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
    precise = torch.float64 if scores.dtype == torch.float64 else torch.float32
    return scores.softmax(dim=-1, dtype=precise).to(query.dtype)


def attend_in_groups(
    attend: AttentionFunction,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    dropout: float,
    scale: float,
) -> Tensor:
    """Attend with fewer heads of keys and values, each for a group of neighbouring query heads.

    No key is copied for the heads that share it (https://arxiv.org/abs/2305.13245).
    """
    batch, heads, queries, size = query.shape
    shared = key.shape[1]
    group = heads // shared
    by_head = mask is not None and mask.shape[1] > 1
    if not is_causal and holds(queries == 1):
        # The queries of a group become several queries of one head, which reads its keys once.
        query = query.reshape(batch, shared, group, size)
        if mask is not None and by_head:
            mask = mask.reshape(mask.shape[0], shared, group, -1)
    else:
        query = query.reshape(batch * shared, group, queries, size)
        key, value = (t.flatten(0, 1)[:, None].expand(-1, group, -1, -1) for t in (key, value))
        if mask is not None and by_head:
            mask = mask.expand(batch, -1, -1, -1).reshape(batch * shared, group, *mask.shape[2:])
        elif mask is not None and not holds(mask.shape[0] == 1):
            mask = mask.expand(batch, -1, -1, -1).repeat_interleave(shared, dim=0)
    attended = attend(query, key, value, mask, is_causal=is_causal, dropout=dropout, scale=scale)
    return attended.reshape(batch, heads, queries, size)
