"""Attention over the places of a plane, with learned numbers for rows and columns between them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, Projections
from automodel_core.layers.kernels.linear import project
from automodel_core.layers.tracing import in_trace

__all__ = ["PlaneAttention"]

MOST_SCORES = 2**26
"""How many scores of positions are held at a time; of a large plane they would fill memory."""


class PlaneAttention(Attention):
    """Attention to whose scores learned offsets are added, decomposed into rows and columns.

    A query meets a vector for the rows, and one for the columns, between its place and a key's
    (https://arxiv.org/abs/2112.01526). ``plane`` is how many rows and columns there are.
    """

    def __init__(
        self, projections: Projections, plane: tuple[int, int], *, dropout: float = 0.0
    ) -> None:
        super().__init__(projections, dropout=dropout)
        self.plane = plane
        rows, columns = (2 * edge - 1 for edge in plane)
        self.rel_pos_h = nn.Parameter(torch.zeros(rows, projections.head_dim))
        self.rel_pos_w = nn.Parameter(torch.zeros(columns, projections.head_dim))

    def forward(  # type: ignore[override]
        self, hidden_states: Tensor, *, output_attentions: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Attend over ``(batch, places, size)``, the places of whole planes, row by row."""
        query, key = self._query(hidden_states), self._key(hidden_states)
        value = self._split(project(self.v_proj, hidden_states))
        (rows, columns), several = self.plane, self._rows_at_once(query)
        attended: list[Tensor] = []
        weights: list[Tensor] = []
        for top in range(0, rows, several):
            end = min(top + several, rows)
            some = query[:, :, top * columns : end * columns]
            scores = self._offset_scores(some, slice(top, end))
            found, seen = self._attend(some, key, value, scores, output_attentions)
            attended.append(found)
            if seen is not None:
                weights.append(seen)
        return torch.cat(attended, dim=1), torch.cat(weights, dim=2) if weights else None

    def _rows_at_once(self, query: Tensor) -> int:
        rows, columns = self.plane
        if in_trace():
            return rows
        scores_of_a_row = query.shape[0] * self.num_heads * columns * rows * columns
        return max(1, min(rows, MOST_SCORES // max(1, scores_of_a_row)))

    def _offset_scores(self, query: Tensor, rows: slice) -> Tensor:
        """Return ``(batch, heads, queries, keys)`` for the queries of some rows."""
        grid = query.unflatten(2, (-1, self.plane[1]))
        below = torch.einsum("bhrcd,rkd->bhrck", grid, _offsets(self.rel_pos_h)[rows])
        beside = torch.einsum("bhrcd,ckd->bhrck", grid, _offsets(self.rel_pos_w))
        scores = below[..., :, None] + beside[..., None, :]
        return scores.flatten(4).flatten(2, 3)


def _offsets(table: Tensor) -> Tensor:
    """Return the vectors ``(edge, edge, size)`` between each place of an edge and each other."""
    places = torch.arange((table.shape[0] + 1) // 2, device=table.device)
    return table[places[:, None] - places + places.shape[0] - 1]
