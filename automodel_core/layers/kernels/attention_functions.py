"""Functions that attend: weigh values by how well their keys meet the queries."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.layers.tracing import holds

__all__ = [
    "AttentionFunction",
    "attend_in_groups",
    "attention_weights",
    "eager_attention",
    "sdpa_attention",
]


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
    return F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal, scale=scale)


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
