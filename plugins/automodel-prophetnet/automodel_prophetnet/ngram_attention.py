"""Attention of ProphetNet's decoder (https://arxiv.org/abs/2001.04063, section 3).

The main stream reads the text. Stream ``n`` predicts, at each position, the token that follows from
what lies ``n`` positions and more behind: it attends to the main stream up to there, and to itself
at this position. So all streams share the main stream's keys, and only those are cached.

States hold the positions of all streams as rows ``(batch, rows, hidden_size)``: the main stream's,
then each predicting stream's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers


def relative_buckets(distances: Tensor, num_buckets: int, max_distance: int) -> Tensor:
    """Return the bucket of each distance to an earlier position.

    Half of them hold one distance each, the others ever more, up to ``max_distance``.
    """
    exact = num_buckets // 2
    ratio = torch.log(distances.float() / exact) / math.log(max_distance / exact)
    # The sum is rounded before it is cut, not the ratio.
    wide = (exact + ratio * (num_buckets - exact)).clamp(max=num_buckets - 1).long()
    return torch.where(distances < exact, distances, wide)


@dataclass(frozen=True)
class Streams:
    """The rows of one forward: those of new positions, in each stream.

    ``count`` streams predict, beside the main one. The rows of one position may be ``in_batch``,
    ``(batch * rows, 1, size)``, so that the layers can run their prepared step.
    """

    span: layers.PositionSpan
    count: int
    in_batch: bool = False

    @property
    def length(self) -> int:
        return self.span.length

    @property
    def rows(self) -> int:
        return self.length * (1 + self.count)

    def packed(self, states: Tensor) -> Tensor:
        """Return states ``(batch, rows, size)`` as the layers read them."""
        return states.flatten(0, 1)[:, None] if self.in_batch else states

    def unpacked(self, states: Tensor) -> Tensor:
        """Return such states as ``(batch, rows, size)``."""
        return states.view(-1, self.rows, states.shape[-1])

    def split(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows ``(batch, rows, ...)`` of the main stream and those of the others."""
        return states[:, : self.length], states[:, self.length :]

    def joined_weights(self, weights: Tensor) -> Tensor:
        """Return the weights of cross-attention as ``(batch, heads, rows, keys)``."""
        if not self.in_batch:
            return weights
        return weights.view(-1, self.rows, *weights.shape[1:]).squeeze(3).transpose(1, 2)

    def split_weights(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the attention weights of the main stream and of the others.

        The latter, ``(batch, count, heads, length, keys + length)``, have a column for each
        position of the stream, of which each row sees its own.
        """
        main = weights[:, :, : self.length, :-1]
        predicting = weights[:, :, self.length :].unflatten(2, (self.count, self.length))
        own = predicting[..., -1].diag_embed()
        return main, torch.cat([predicting[..., :-1], own], dim=-1).transpose(1, 2)


@dataclass(frozen=True)
class StreamView(layers.KeyView):
    """What each row sees, and how far away: of the main stream's keys, and last of itself.

    ``mask`` ``(batch or 1, 1, rows, keys + 1)`` is added to the scores, ``buckets``
    ``(rows, keys + 1)`` are those of the distances.
    """

    streams: Streams
    mask: Tensor
    buckets: Tensor

    @classmethod
    def of(cls, streams: Streams, bucket: Callable[[Tensor], Tensor], like: Tensor) -> StreamView:
        """Return the view where nothing is padded; ``bucket`` sorts distances, ``like`` states."""
        length, count = streams.length, streams.count
        keys = torch.arange(streams.span.keys, device=like.device)
        distances = streams.span.positions[:, None] - keys
        # Step by step, every stream sees the newest token.
        behind = range(count) if streams.span.begins else [0] * count
        # The first key is seen by all, so that the first positions have something to see.
        visible = [(distances >= hidden) | (keys == 0) for hidden in (0, *behind)]
        mask = layers.additive(torch.cat(visible), like.dtype)
        own = like.new_zeros(streams.rows, 1)
        own[:length] = -torch.inf
        # Those who predict stand one position ahead of the key beside them.
        ahead = torch.cat([distances, *[distances + 1] * count])
        buckets = F.pad(bucket(ahead.clamp(min=0)), (0, 1))
        return cls(streams, torch.cat([mask, own], dim=1)[None, None], buckets)

    def of_last(self, keys: int) -> StreamView:
        """Return the view of the newest position over fewer keys."""
        return StreamView(self.streams, self.mask[..., -keys - 1 :], self.buckets[:, -keys - 1 :])

    def padded(self, mask: Tensor | None) -> StreamView:
        """Return the view with a mask ``(batch, 1, 1, keys)`` added; ``None`` hides nothing."""
        if mask is None:
            return self
        return StreamView(self.streams, self.mask + F.pad(mask, (0, 1)), self.buckets)

    def position_scores(self, by_bucket: Tensor) -> Tensor:
        """Return the scores ``(batch, heads, rows, keys + 1)`` that positions add.

        ``by_bucket`` ``(batch, rows, buckets, heads)`` are a row's scores of all buckets. Where a
        text begins, those of the predicting rows are laid out as position, stream, head and read
        as stream, head, position, so that most rows get another's. The paper's own code has no such
        slip; transformers has, and models are trained and compared with it. One position alone, as
        in decoding, has its own in any case.
        """
        main, predicting = self.streams.split(by_bucket)
        count, length = self.streams.count, self.streams.length
        predicting = predicting.unflatten(1, (count, length)).transpose(-1, -2)
        heads = predicting.shape[-2]
        if self.streams.span.begins:
            by_position = predicting.transpose(1, 2).flatten(1, 3)
            predicting = by_position.unflatten(1, (count, heads, length))
        else:
            predicting = predicting.transpose(2, 3)
        rows = predicting.transpose(1, 2).flatten(2, 3)
        scores = torch.cat([main.permute(0, 3, 1, 2), rows], dim=2)
        return scores.gather(-1, self.buckets.expand(*scores.shape[:2], -1, -1))


def stream_view(mask: layers.Mask) -> StreamView:
    """Return a mask that is a view of streams; raise ``TypeError`` for any other."""
    if not isinstance(mask, StreamView):
        raise TypeError(f"this attention needs a StreamView for a mask, not {type(mask).__name__}")
    return mask


class NgramSelfAttention(nn.Module):
    """Attention of all streams over the main stream, each also over itself.

    ``position_scores`` turns the state of a row into a score for each bucket of distances and each
    head.
    """

    def __init__(
        self, hidden_size: int, num_heads: int, num_buckets: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = hidden_size // num_heads
        self.num_buckets = num_buckets
        self.scale = self.head_dim**-0.5
        self.dropout = dropout
        self.q_proj = layers.linear(hidden_size, hidden_size)
        self.k_proj = layers.linear(hidden_size, hidden_size)
        self.v_proj = layers.linear(hidden_size, hidden_size)
        self.o_proj = layers.linear(hidden_size, hidden_size)
        self.position_scores = layers.linear(hidden_size, num_buckets * num_heads)

    def new_state(self, cache: layers.Cache) -> layers.LayerState:
        return cache.new_attention()

    def forward(
        self,
        hidden_states: Tensor,
        mask: layers.Mask = None,
        *,
        rotation: layers.Rotation | None = None,
        cache: layers.SelfAttentionCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; the rows of an item may also come as neighbours in the batch.

        Return the new states and, on request, the weights ``(batch, heads, rows, keys + 1)``.
        """
        view = stream_view(mask)
        states = hidden_states.view(-1, view.streams.rows, hidden_states.shape[-1])
        parts = (self.q_proj, self.k_proj, self.v_proj, self.position_scores)
        attended, weights = self._attend([part(states) for part in parts], view, cache)
        attended = self.o_proj(attended).view_as(hidden_states)
        return attended, weights if output_attentions else None

    def _attend(
        self, projected: list[Tensor], view: StreamView, cache: layers.SelfAttentionCache | None
    ) -> tuple[Tensor, Tensor]:
        """Return attended values ``(batch, rows, hidden_size)`` and the weights."""
        query, key, value = (
            part.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
            for part in projected[:3]
        )
        length = view.streams.length
        main = key[:, :, :length], value[:, :, :length]
        main_key, main_value = main if cache is None else cache.update(*main)
        own = (query * key).sum(dim=-1, keepdim=True)
        scores = torch.cat([query @ main_key.transpose(-1, -2), own], dim=-1) * self.scale
        by_bucket = projected[3].unflatten(-1, (self.num_buckets, self.num_heads))
        scores = scores + view.position_scores(by_bucket) + view.mask
        precise = torch.promote_types(scores.dtype, torch.float32)
        weights = scores.softmax(dim=-1, dtype=precise).to(query.dtype)
        weights = F.dropout(weights, self.dropout, self.training)
        attended = weights[..., :-1] @ main_value + weights[..., -1:] * value
        return attended.transpose(1, 2).flatten(2), weights

    def decode_step(self, rows: int) -> layers.SelfAttentionStep:
        """Return the same for decoding, on states ``(rows, hidden_size)``; weights are packed."""
        parts = (self.q_proj, self.k_proj, self.v_proj, self.position_scores)
        size = self.num_heads * self.head_dim
        sizes = [size, size, size, self.num_buckets * self.num_heads]
        project, output = (
            layers.prepare_linear(parts, rows),
            layers.prepare_linear((self.o_proj,), rows),
        )

        def step(
            hidden_states: Tensor,
            mask: layers.Mask,
            rotation: layers.Rotation | None,
            cache: layers.SelfAttentionCache,
        ) -> Tensor:
            view = stream_view(mask)
            projected = project(hidden_states).view(-1, view.streams.rows, sum(sizes))
            attended, _ = self._attend(list(projected.split(sizes, dim=-1)), view, cache)
            return output(attended.reshape(rows, -1))

        return step
