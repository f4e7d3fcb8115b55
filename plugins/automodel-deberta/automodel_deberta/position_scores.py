"""Scores of contents with distances: content of queries (c2p), or of keys (p2c)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from automodel_deberta.distances import DistanceView

BLOCK, HEADS = 64, 3
"""Rows and heads of scores that are computed together; each row needs one distance more."""

Tables = Mapping[str, Tensor]
"""Projected embeddings ``(heads, embeddings, head_dim)`` by the kind of scores they give."""


def added_scores(query: Tensor, key: Tensor, tables: Tables, view: DistanceView) -> Tensor | None:
    """Return what is added to the scores of contents, and hides keys, if anything is."""
    hidden = None if view.hidden is None else view.hidden.to(query.device)
    if not tables:
        return hidden
    if view.rows is not None:
        tables = {kind: table.to(query.dtype) for kind, table in tables.items()}
        with torch.autocast(query.device.type, enabled=False):
            return sheared_scores(query, key, tables, view.rows, hidden)
    scores = gathered_scores(query, key, tables, view.index)
    if view.seen is not None:
        scores = scores.masked_fill(~view.seen.to(query.device), 0.0)
    return scores if hidden is None else scores + hidden


def gathered_scores(query: Tensor, key: Tensor, tables: Tables, index: Tensor | None) -> Tensor:
    """Return scores ``(batch, heads, queries, keys)`` out of products with all embeddings."""
    if index is None:
        raise TypeError("a DistanceView needs rows or an index where attention is relative")
    batch, heads, length, _ = query.shape
    index = index.to(query.device).expand(batch, heads, length, length)
    scores = []
    if "c2p" in tables:
        scores.append((query @ tables["c2p"].transpose(-1, -2)).gather(-1, index))
    if "p2c" in tables:
        scores.append((tables["p2c"] @ key.transpose(-1, -2)).gather(-2, index))
    return scores[0] if len(scores) == 1 else scores[0] + scores[1]


def sheared_scores(
    query: Tensor, key: Tensor, tables: Tables, rows: Tensor, hidden: Tensor | None
) -> Tensor:
    """Return the same without gathers, and what is ``hidden`` added.

    The distances of a query are its neighbour's, one place aside: products with the embeddings of
    all distances, of which ``rows`` has the falling order, are read as views whose rows begin one
    place further each. Blocks of rows leave out most distances that do not occur, and blocks of
    heads keep products in the processor's cache.
    """
    batch, heads, length, _ = query.shape
    scores = query.new_empty(batch, heads, length, length)
    is_new = hidden is None and "c2p" in tables
    if not is_new:
        scores.copy_(query.new_zeros(()) if hidden is None else hidden)
    # Seen from a key, distances rise.
    orders = {"c2p": rows, "p2c": rows.flip(0)}
    embedded = {k: t.index_select(1, orders[k]).transpose(1, 2) for k, t in tables.items()}
    room = query.new_empty(HEADS * BLOCK * (BLOCK + length - 1))
    for row, first in ((row, first) for row in range(batch) for first in range(0, heads, HEADS)):
        group = slice(first, min(first + HEADS, heads))
        for block in blocks(length) if "c2p" in tables else ():
            met = products(query[row, group, block], embedded["c2p"][group], block, room)
            part = scores[row, group, block]
            part.copy_(met) if is_new else part.add_(met)
        for block in blocks(length) if "p2c" in tables else ():
            met = products(key[row, group, block], embedded["p2c"][group], block, room)
            scores[row, group, :, block].add_(met.transpose(-1, -2))
    return scores


def blocks(length: int) -> Iterator[slice]:
    """Yield the rows that are computed together."""
    for begin in range(0, length, BLOCK):
        yield slice(begin, min(begin + BLOCK, length))


def products(states: Tensor, embedded: Tensor, block: slice, room: Tensor) -> Tensor:
    """Return the products ``(heads, rows, length)`` of a block with the distances of its rows.

    ``embedded`` are those of all rows ``(heads, head_dim, 2 * length - 1)``. What is returned is a
    view of ``room``: its last row begins at the first place, each row before it one place further.
    """
    heads, rows, _ = states.shape
    length = (embedded.shape[-1] + 1) // 2
    width = rows + length - 1
    near = slice(length - block.stop, 2 * length - 1 - block.start)
    found = room[: heads * rows * width].view(heads, rows, width)
    torch.bmm(states, embedded[..., near], out=found)
    return room.as_strided((heads, rows, length), (rows * width, width - 1, 1), rows - 1)
