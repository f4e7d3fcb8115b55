"""The one attention: of a sequence over itself or over a context, cached or not, by any kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.caches.base import CrossAttentionCache, SelfAttentionCache
from automodel_core.layers.caches.key_view import CAUSAL, Mask
from automodel_core.layers.kernels.decode_steps import prepare_linear
from automodel_core.layers.kernels.linear import Linear

__all__ = [
    "Attention",
    "AttentionFunction",
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
    one = query.shape[2] == 1 and not is_causal
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
) -> Tensor:
    """Attend step by step, as the formula is written (https://arxiv.org/abs/1706.03762)."""
    weights = attention_weights(query, key, mask, is_causal=is_causal, scale=scale)
    return F.dropout(weights, dropout) @ value


def attention_weights(
    query: Tensor, key: Tensor, mask: Tensor | None, *, is_causal: bool, scale: float
) -> Tensor:
    """Return the weights ``(batch, heads, queries, keys)``; half precision is left for softmax."""
    scores = query @ key.transpose(-1, -2) * scale
    if mask is not None:
        scores = scores + mask
    if is_causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
    precise = torch.float64 if scores.dtype == torch.float64 else torch.float32
    return scores.softmax(dim=-1, dtype=precise).to(query.dtype)


def as_numbers(mask: Mask) -> tuple[Tensor | None, bool]:
    """Return a mask as numbers to add, and whether the kernel's causal mode must hide keys.

    Raises ``TypeError`` for a view that is another attention's.
    """
    if mask is None or isinstance(mask, Tensor):
        return mask, False
    if mask is not CAUSAL:
        raise TypeError(f"{type(mask).__name__} is no mask that Attention understands")
    return None, True


class Attention(nn.Module):
    """Multi-head attention, over the sequence or over a context of ``context_size`` features.

    ``scale`` multiplies the scores, by default ``head_dim ** -0.5``. ``position_scores`` is a
    module that returns numbers to add to the scores from ``(query, key)``, for positions that meet
    the query or the key; with a cache of fixed shapes it is also given the queries' positions.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        head_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        scale: float | None = None,
        context_size: int | None = None,
        position_scores: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if head_dim is None and hidden_size % num_heads:
            raise ValueError(
                f"hidden size {hidden_size} is not a multiple of {num_heads} attention heads"
            )
        self.num_heads = num_heads
        self.head_dim = head_dim or hidden_size // num_heads
        self.scale = self.head_dim**-0.5 if scale is None else scale
        self.dropout = dropout
        self.attend: AttentionFunction = sdpa_attention
        inner, context_size = num_heads * self.head_dim, context_size or hidden_size
        self.q_proj = Linear(hidden_size, inner, bias=bias)
        self.k_proj = Linear(context_size, inner, bias=bias)
        self.v_proj = Linear(context_size, inner, bias=bias)
        self.o_proj = Linear(inner, hidden_size, bias=bias)
        self.position_scores = position_scores

    def forward(
        self,
        hidden_states: Tensor,
        mask: Mask = None,
        *,
        cache: SelfAttentionCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend over the sequence itself and what ``cache`` holds of it.

        Return the new states and, on request, the weights ``(batch, heads, queries, keys)``.
        """
        key, value = (
            self._split(self.k_proj(hidden_states)),
            self._split(self.v_proj(hidden_states)),
        )
        if cache is not None:
            key, value = cache.update(key, value)
        positions = None if cache is None else cache.query_positions(hidden_states.shape[1])
        return self._attend(hidden_states, key, value, mask, output_attentions, positions)

    def over(
        self,
        hidden_states: Tensor,
        context: Tensor,
        mask: Tensor | None = None,
        *,
        cache: CrossAttentionCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend over a context, whose keys and values are computed once for one ``cache``.

        Several rows in turn may share one row of the context, as the beams of one input do.
        """
        key, value = self._context(context, cache)
        if len(key) != len(hidden_states):
            flat = self.position_scores is None and (mask is None or mask.shape[-2] == 1)
            if flat and not output_attentions:
                # Rows that share a context are queries of one attention, so its keys are read once.
                states = hidden_states.reshape(len(key), -1, hidden_states.shape[-1])
                attended, _ = self._attend(states, key, value, mask, False)
                return attended.view(*hidden_states.shape[:2], -1), None
            repeats = len(hidden_states) // len(key)
            key, value = key.repeat_interleave(repeats, 0), value.repeat_interleave(repeats, 0)
            if mask is not None and len(mask) > 1:
                mask = mask.repeat_interleave(repeats, 0)
        return self._attend(hidden_states, key, value, mask, output_attentions)

    def _context(self, context: Tensor, cache: CrossAttentionCache | None) -> tuple[Tensor, Tensor]:
        if cache is not None and cache.tensors is not None:
            return cache.tensors
        tensors = self._split(self.k_proj(context)), self._split(self.v_proj(context))
        if cache is not None:
            cache.tensors = tensors
        return tensors

    def _attend(
        self,
        hidden_states: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Mask,
        output_attentions: bool,
        positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        query = self._split(self.q_proj(hidden_states))
        mask, is_causal = as_numbers(mask)
        mask = self._with_position_scores(mask, query, key, positions)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if output_attentions:
            weights = attention_weights(query, key, mask, is_causal=is_causal, scale=self.scale)
            weights = F.dropout(weights, dropout)
            attended = weights @ value
        else:
            attended = self.attend(
                query, key, value, mask, is_causal=is_causal, dropout=dropout, scale=self.scale
            )
        return self.o_proj(attended.transpose(1, 2).flatten(2)), weights

    def _with_position_scores(
        self, mask: Tensor | None, query: Tensor, key: Tensor, positions: Tensor | None = None
    ) -> Tensor | None:
        if self.position_scores is None:
            return mask
        placed = () if positions is None else (positions,)
        scores: Tensor = self.position_scores(query, key, *placed)
        return scores if mask is None else scores + mask

    def _split(self, projected: Tensor) -> Tensor:
        heads: Tensor = projected.unflatten(-1, (self.num_heads, self.head_dim))
        return heads.transpose(1, 2)

    # ---- decoding: one new token a row, states (rows, hidden_size) ----

    def prepare(self, rows: int) -> Callable[[Tensor, Mask, SelfAttentionCache], Tensor]:
        """Return self-attention for one new token a row, with joined and packed projections."""
        project = prepare_linear((self.q_proj, self.k_proj, self.v_proj), rows)
        output = prepare_linear((self.o_proj,), rows)
        shape, inner = (rows, 3, self.num_heads, 1, self.head_dim), self.num_heads * self.head_dim
        attend, scale = self.attend, self.scale

        def step(hidden_states: Tensor, mask: Mask, cache: SelfAttentionCache) -> Tensor:
            query, key, value = project(hidden_states).view(shape).unbind(1)
            key, value = cache.update(key, value)
            mask, _ = as_numbers(mask)
            mask = self._with_position_scores(mask, query, key)
            attended = attend(query, key, value, mask, is_causal=False, dropout=0.0, scale=scale)
            return output(attended.reshape(rows, inner))

        return step

    def prepare_over(
        self, rows: int
    ) -> Callable[[Tensor, Tensor, Tensor | None, CrossAttentionCache], Tensor]:
        """Return attention over a context for one new token a row.

        Rows that share a context become the queries of one attention, so its keys are read once.
        """
        project, output = prepare_linear((self.q_proj,), rows), prepare_linear((self.o_proj,), rows)
        heads, head_dim, inner = self.num_heads, self.head_dim, self.num_heads * self.head_dim
        attend, scale = self.attend, self.scale

        def step(
            hidden_states: Tensor, context: Tensor, mask: Tensor | None, cache: CrossAttentionCache
        ) -> Tensor:
            key, value = self._context(context, cache)
            queries, shared = project(hidden_states), len(key) < rows
            if shared:
                query = queries.view(len(key), -1, heads, head_dim).transpose(1, 2)
            else:
                query = queries.view(rows, heads, 1, head_dim)
            mask = self._with_position_scores(mask, query, key)
            attended = attend(query, key, value, mask, is_causal=False, dropout=0.0, scale=scale)
            if shared:
                attended = attended.transpose(1, 2)
            return output(attended.reshape(rows, inner))

        return step
