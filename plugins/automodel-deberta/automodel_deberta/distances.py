"""How far keys are from queries: embeddings of distances, and which of them meet."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from automodel_core import layers


@dataclass(frozen=True)
class DistanceView(layers.KeyView):
    """What a forward hands to each layer's attention.

    ``hidden`` are numbers to add to the scores; for gradients ``seen`` ``(batch, 1, length, 1)``
    says which queries see a key, as the others weigh all alike and learn nothing. Where attention
    is relative, ``embedded`` has an embedding in each row, and ``rows`` says which belong to the
    distances ``length - 1`` to ``1 - length``; or ``index`` ``(length, length)``, where gradients
    or a trace need a gather, which belongs to each query and key. ``version`` tells the weights
    behind ``embedded``.
    """

    hidden: Tensor | None = None
    seen: Tensor | None = None
    embedded: Tensor | None = None
    rows: Tensor | None = None
    index: Tensor | None = None
    version: Hashable = None

    @classmethod
    def of(cls, attention_mask: Tensor | None, dtype: torch.dtype) -> DistanceView:
        """Return the view that hides padding: it is not seen, and sees nothing.

        What hides leaves room for scores below the lowest number.
        """
        if attention_mask is not None and attention_mask.dim() == 2:
            tokens = attention_mask != 0
            attention_mask = tokens[:, :, None] & tokens[:, None, :]
        hidden = layers.padding_mask(attention_mask, dtype)
        if hidden is None:
            return cls()
        hidden = hidden / 2
        if not torch.is_grad_enabled():
            return cls(hidden)
        seen = seeing(hidden)
        return cls(hidden.masked_fill(~seen, 0.0), seen)

    @property
    def tokens(self) -> Tensor | None:
        """Which tokens are no padding ``(batch, length, 1)``, if some are."""
        if self.hidden is None:
            return None
        return (seeing(self.hidden) if self.seen is None else self.seen)[:, 0]


def seeing(hidden: Tensor) -> Tensor:
    """Return which queries see a key ``(batch, 1, queries, 1)``."""
    return (hidden == 0).any(dim=-1, keepdim=True)


class Distances(nn.Module):
    """Embeddings of the distances ``-span`` to ``span - 1`` of a query from a key.

    With ``buckets`` half of them on either side hold one distance each, the others ever more, up to
    ``limit``.
    """

    def __init__(
        self, span: int, limit: int, hidden_size: int, *, buckets: bool, norm: nn.Module | None
    ) -> None:
        super().__init__()
        self.span = span
        self.limit = limit
        self.buckets = buckets
        self.table = layers.embedding(2 * span, hidden_size)
        self.norm = norm

    def forward(self, length: int, view: DistanceView) -> DistanceView:
        """Return the view with what says how far ``length`` tokens are from each other."""
        weight = self.table.weight
        embedded = weight if self.norm is None else self.norm(weight)
        if layers.in_trace():
            index = self._rows(pairs(length, weight.device))
            return replace(view, embedded=embedded, index=index)
        rows = self._rows(torch.arange(length - 1, -length, -1))
        if torch.is_grad_enabled() or weight.device.type != "cpu":
            first, last = int(rows[-1]), int(rows[0])
            index = rows.flip(0).to(weight.device)[pairs(length, weight.device) + length - 1]
            return replace(view, embedded=embedded[first : last + 1], index=index - first)
        version = (*map(layers.weight_version, self.parameters()),)
        return replace(view, embedded=embedded, rows=rows, version=version)

    def _rows(self, distances: Tensor) -> Tensor:
        if self.buckets:
            distances = self._buckets(distances)
        return (distances + self.span).clamp(0, 2 * self.span - 1)

    def _buckets(self, distances: Tensor) -> Tensor:
        middle = self.span // 2
        lengths = distances.abs()
        ratio = torch.tensor((self.limit - 1) / middle, device=distances.device)
        steps = torch.log(lengths.clamp(min=middle) / middle) / torch.log(ratio) * (middle - 1)
        shared = (torch.ceil(steps) + middle).long() * distances.sign()
        return torch.where(lengths <= middle, distances, shared)


class UnusedNorm(nn.Module):
    """The norm of embeddings that there are none of: it is only read and written."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm.requires_grad_(False)

    def forward(self, length: int, view: DistanceView) -> DistanceView:
        """Return the view as it is."""
        return view


def pairs(length: int, device: torch.device) -> Tensor:
    """Return the distance of each query ``(length, 1)`` from each key."""
    places = torch.arange(length, device=device)
    return places[:, None] - places
