"""The one attention: of a sequence over itself or over a context, cached or not, by any kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.caches.base import Cache, CrossAttentionCache, SelfAttentionCache
from automodel_core.layers.caches.key_view import CAUSAL, Mask
from automodel_core.layers.caches.state import LayerState
from automodel_core.layers.kernels.attention_functions import (
    AttentionFunction,
    attend_in_groups,
    attention_weights,
    eager_attention,
    is_long_for_one,
    sdpa_attention,
)
from automodel_core.layers.kernels.decode_steps import prepare_linear
from automodel_core.layers.kernels.linear import linear, project
from automodel_core.layers.masks import causal_mask
from automodel_core.layers.parts import CrossAttentionStep, SelfAttentionStep
from automodel_core.layers.positions.rotary import Rotation
from automodel_core.layers.tracing import holds

__all__ = ["Attention", "Projections", "equal_heads", "grouped_heads"]


@dataclass(frozen=True)
class Projections:
    """The layers that make queries, keys and values, and the one behind attention.

    They give ``num_heads`` queries and ``num_key_value_heads`` keys and values of ``head_dim``.
    ``dataclasses.replace`` puts another layer in the place of one.
    """

    q_proj: nn.Linear
    k_proj: nn.Linear
    v_proj: nn.Linear
    o_proj: nn.Linear
    num_heads: int
    num_key_value_heads: int
    head_dim: int


def equal_heads(
    size: int,
    num_heads: int,
    *,
    head_dim: int | None = None,
    bias: bool = True,
    out_bias: bool | None = None,
    context_size: int | None = None,
) -> Projections:
    """Return projections with as many heads of keys as of queries.

    ``bias`` is for queries, keys and values; ``out_bias``, by default the same, for the output.
    Keys and values are made from ``context_size`` features, by default ``size``.
    """
    heads = num_heads, num_heads, head_dim or _head_dim(size, num_heads)
    return _projections(size, context_size or size, heads, bias, out_bias)


def grouped_heads(
    size: int,
    num_heads: int,
    num_key_value_heads: int,
    *,
    head_dim: int | None = None,
    bias: bool = True,
    out_bias: bool | None = None,
) -> Projections:
    """Return projections in which a group of query heads shares one head of keys and values.

    Biases are as in `equal_heads`. See https://arxiv.org/abs/2305.13245.
    """
    if num_heads % num_key_value_heads:
        raise ValueError(
            f"{num_heads} attention heads are not a multiple of {num_key_value_heads} key-value "
            "heads"
        )
    heads = num_heads, num_key_value_heads, head_dim or _head_dim(size, num_heads)
    return _projections(size, size, heads, bias, out_bias)


def _projections(
    size: int, context_size: int, heads: tuple[int, int, int], bias: bool, out_bias: bool | None
) -> Projections:
    num_heads, num_key_value_heads, head_dim = heads
    inner, shared = num_heads * head_dim, num_key_value_heads * head_dim
    return Projections(
        linear(size, inner, bias=bias),
        linear(context_size, shared, bias=bias),
        linear(context_size, shared, bias=bias),
        linear(inner, size, bias=bias if out_bias is None else out_bias),
        *heads,
    )


def _head_dim(size: int, num_heads: int) -> int:
    if size % num_heads:
        raise ValueError(f"hidden size {size} is not a multiple of {num_heads} attention heads")
    return size // num_heads


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
    """Multi-head attention, over the sequence itself or `over` a context.

    ``scale`` multiplies the scores, by default ``head_dim ** -0.5``; ``softcap`` then bends them
    into ``(-softcap, softcap)``, for which no fused kernel is used. ``head_norm`` makes the norms
    of each head's queries and keys. ``position_scores`` is a module that returns numbers to add to
    the scores from ``(query, key)``, for positions that meet the query or the key; with a cache of
    fixed shapes it is also given the queries' positions.
    """

    tp_plan: ClassVar[Mapping[str, str]] = {
        "q_proj": "colwise",
        "k_proj": "colwise",
        "v_proj": "colwise",
        "o_proj": "rowwise",
    }
    """How processes share out the layers, each some heads."""

    def __init__(
        self,
        projections: Projections,
        *,
        dropout: float = 0.0,
        scale: float | None = None,
        softcap: float | None = None,
        head_norm: Callable[[], nn.Module] | None = None,
        position_scores: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.num_heads = projections.num_heads
        self.num_key_value_heads = projections.num_key_value_heads
        self.head_dim = projections.head_dim
        self.scale = self.head_dim**-0.5 if scale is None else scale
        self.softcap = softcap
        self.dropout = dropout
        self.attend: AttentionFunction = sdpa_attention
        self.q_proj = projections.q_proj
        self.k_proj = projections.k_proj
        self.v_proj = projections.v_proj
        self.o_proj = projections.o_proj
        self.q_norm = None if head_norm is None else head_norm()
        self.k_norm = None if head_norm is None else head_norm()
        self.position_scores = position_scores

    def share_heads(self, processes: int) -> None:
        """Keep this process's share of the heads, after ``tp_plan`` has shared out the layers.

        Raises ``ValueError`` unless each process gets as many.
        """
        if self.num_heads % processes or self.num_key_value_heads % processes:
            raise ValueError(
                f"{self.num_heads} attention heads, with {self.num_key_value_heads} heads of keys "
                f"and values, cannot be shared out to {processes} processes"
            )
        self.num_heads //= processes
        self.num_key_value_heads //= processes

    def new_state(self, cache: Cache) -> LayerState:
        return cache.new_attention()

    def forward(
        self,
        hidden_states: Tensor,
        mask: Mask = None,
        *,
        rotation: Rotation | None = None,
        cache: SelfAttentionCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend over the sequence itself and what ``cache`` holds of it.

        ``rotation`` turns queries and keys by their positions. Return the new states and, on
        request, the weights ``(batch, heads, queries, keys)``.
        """
        query, key = self._query(hidden_states), self._key(hidden_states)
        value = self._split(project(self.v_proj, hidden_states))
        if rotation is not None:
            query, key = rotation(query), rotation(key)
        positions = None
        if cache is not None:
            key, value = cache.update(key, value)
            positions = cache.query_positions(hidden_states.shape[1])
        return self._attend(query, key, value, mask, output_attentions, positions)

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
        if holds(key.shape[0] != hidden_states.shape[0]):
            flat = self.position_scores is None and (mask is None or mask.shape[-2] == 1)
            if flat and not output_attentions:
                # Rows that share a context are queries of one attention, so its keys are read once.
                states = hidden_states.reshape(key.shape[0], -1, hidden_states.shape[-1])
                attended, _ = self._attend(self._query(states), key, value, mask, False)
                return attended.view(*hidden_states.shape[:2], -1), None
            repeats = hidden_states.shape[0] // key.shape[0]
            key, value = key.repeat_interleave(repeats, 0), value.repeat_interleave(repeats, 0)
            if mask is not None and mask.shape[0] > 1:
                mask = mask.repeat_interleave(repeats, 0)
        return self._attend(self._query(hidden_states), key, value, mask, output_attentions)

    def between(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        *,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend with queries, keys and values that are made of different states.

        Several rows of the one side in turn may share a row of the other, which is projected once.
        """
        heads = self._query(queries), self._key(keys), self._split(project(self.v_proj, values))
        if holds(queries.shape[0] == keys.shape[0]):
            return self._attend(*heads, mask, output_attentions)
        rows = max(queries.shape[0], keys.shape[0])
        query, key, value = (_shared_out(part, rows) for part in heads)
        return self._attend(query, key, value, mask, output_attentions)

    def _query(self, hidden_states: Tensor) -> Tensor:
        query = self._split(project(self.q_proj, hidden_states))
        return query if self.q_norm is None else self.q_norm(query)

    def _key(self, hidden_states: Tensor) -> Tensor:
        key = self._split(project(self.k_proj, hidden_states))
        return key if self.k_norm is None else self.k_norm(key)

    def _context(self, context: Tensor, cache: CrossAttentionCache | None) -> tuple[Tensor, Tensor]:
        if cache is not None and cache.tensors is not None:
            return cache.tensors
        tensors = self._key(context), self._split(project(self.v_proj, context))
        if cache is not None:
            cache.tensors = tensors
        return tensors

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Mask,
        output_attentions: bool,
        positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        mask, is_causal = as_numbers(mask)
        if is_causal and self.position_scores is not None:
            # Their scores are numbers, and kernels take either numbers or causality.
            sizes = query.shape[2], key.shape[2]
            mask, is_causal = causal_mask(None, *sizes, query.dtype, query.device), False
        mask = self._with_position_scores(mask, query, key, positions)
        dropout, weights = self.dropout if self.training else 0.0, None
        if output_attentions:
            group = self.num_heads // self.num_key_value_heads
            if group > 1:
                key, value = (t.repeat_interleave(group, dim=1) for t in (key, value))
            weights = attention_weights(
                query, key, mask, is_causal=is_causal, scale=self.scale, softcap=self.softcap
            )
            weights = F.dropout(weights, dropout)
            attended = weights @ value
        else:
            attended = self._function()(
                query, key, value, mask, is_causal=is_causal, dropout=dropout, scale=self.scale
            )
        return project(self.o_proj, _joined(attended.transpose(1, 2))), weights

    def _function(self) -> AttentionFunction:
        """Return the function for this attention's heads and scores."""
        attend = self.attend
        if self.softcap is not None:
            attend = partial(eager_attention, softcap=self.softcap)
        if self.num_key_value_heads < self.num_heads:
            attend = partial(attend_in_groups, attend)
        return attend

    def _with_position_scores(
        self, mask: Tensor | None, query: Tensor, key: Tensor, positions: Tensor | None = None
    ) -> Tensor | None:
        if self.position_scores is None:
            return mask
        placed = () if positions is None else (positions,)
        scores: Tensor = self.position_scores(query, key, *placed)
        return scores if mask is None else scores + mask

    def _split(self, projected: Tensor) -> Tensor:
        heads: Tensor = projected.unflatten(-1, (-1, self.head_dim))
        return heads.transpose(1, 2)

    # ---- decoding: one new token a row, states (rows, hidden_size) ----

    def decode_step(self, rows: int) -> SelfAttentionStep:
        """Return self-attention for one new token a row, with joined and packed projections."""
        project = prepare_linear((self.q_proj, self.k_proj, self.v_proj), rows)
        output = prepare_linear((self.o_proj,), rows)
        queries, shared = self.num_heads, self.num_key_value_heads
        shape, inner = (rows, queries + 2 * shared, 1, self.head_dim), queries * self.head_dim
        parts = (queries, shared, shared)
        attend, scale, q_norm, k_norm = self._function(), self.scale, self.q_norm, self.k_norm

        def step(
            hidden_states: Tensor, mask: Mask, rotation: Rotation | None, cache: SelfAttentionCache
        ) -> Tensor:
            query, key, value = project(hidden_states).view(shape).split_with_sizes(parts, 1)
            if q_norm is not None and k_norm is not None:
                query, key = q_norm(query), k_norm(key)
            if rotation is not None:
                turned = rotation(torch.cat([query, key], dim=1))
                query, key = turned.split_with_sizes(parts[:2], 1)
            key, value = cache.update(key, value)
            numbers, _ = as_numbers(mask)
            numbers = self._with_position_scores(numbers, query, key)
            attended = attend(query, key, value, numbers, is_causal=False, dropout=0.0, scale=scale)
            return output(attended.reshape(rows, inner))

        return step

    def decode_step_over(self, rows: int) -> CrossAttentionStep:
        """Return attention over a context for one new token a row.

        Rows that share a context become the queries of one attention, so its keys are read once.
        """
        project, output = prepare_linear((self.q_proj,), rows), prepare_linear((self.o_proj,), rows)
        heads, head_dim, inner = self.num_heads, self.head_dim, self.num_heads * self.head_dim
        attend, scale, q_norm = self._function(), self.scale, self.q_norm

        def step(
            hidden_states: Tensor, context: Tensor, mask: Tensor | None, cache: CrossAttentionCache
        ) -> Tensor:
            key, value = self._context(context, cache)
            queries, shared = project(hidden_states), key.shape[0] < rows
            if shared:
                query = queries.view(key.shape[0], -1, heads, head_dim).transpose(1, 2)
            else:
                query = queries.view(rows, heads, 1, head_dim)
                by_feature = attend is sdpa_attention and is_long_for_one(key)
                key, value = cache.by_head(by_feature=by_feature)
            if q_norm is not None:
                query = q_norm(query)
            mask = self._with_position_scores(mask, query, key)
            attended = attend(query, key, value, mask, is_causal=False, dropout=0.0, scale=scale)
            if shared:
                attended = attended.transpose(1, 2)
            return output(attended.reshape(rows, inner))

        return step


def _shared_out(heads: Tensor, rows: int) -> Tensor:
    """Return ``(rows, heads, length, head_dim)`` of fewer rows, each for several in turn."""
    several = rows // heads.shape[0]
    return heads[:, None].expand(-1, several, -1, -1, -1).flatten(0, 1)


def _joined(heads: Tensor) -> Tensor:
    """Return ``(batch, length, heads, head_dim)`` as ``(batch, length, heads * head_dim)``.

    A kernel's output may lie in memory as if it were joined already. A program for other machines
    must not rely on that.
    """
    if torch.compiler.is_exporting():
        heads = heads.clone(memory_format=torch.contiguous_format)
    return heads.flatten(2)
