"""Scores of contents with distances: content of queries (c2p), or of keys (p2c)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from automodel_deberta.distances import DistanceView

BLOCK = 128
"""Rows of scores that are computed together: each needs one distance more."""

Tables = Mapping[str, Tensor]
"""Projected embeddings ``(heads, embeddings, head_dim)`` by the kind of scores they give."""


def added_scores(query: Tensor, key: Tensor, tables: Tables, view: DistanceView) -> Tensor | None:
    """Return what is added to the scores of contents, and hides keys, if anything is."""
    hidden = None if view.hidden is None else view.hidden.to(query.device)
    if not tables:
        return hidden
    if view.rows is not None:
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
    place further each. Blocks of rows leave out most distances that do not occur.
    """
    batch, heads, length, _ = query.shape
    shape = batch, heads, length, length
    scores = query.new_zeros(shape) if hidden is None else hidden.expand(shape).clone()
    # Seen from a key, distances rise.
    orders = {"c2p": rows, "p2c": rows.flip(0)}
    embedded = {k: t.index_select(1, orders[k]).transpose(1, 2) for k, t in tables.items()}
    for row, begin in ((row, begin) for row in range(batch) for begin in range(0, length, BLOCK)):
        end = min(begin + BLOCK, length)
        near = slice(length - end, 2 * length - 1 - begin)
        if "c2p" in tables:
            products = query[row, :, begin:end] @ embedded["c2p"][..., near]
            scores[row, :, begin:end] += sheared(products, length)
        if "p2c" in tables:
            products = key[row, :, begin:end] @ embedded["p2c"][..., near]
            scores[row, :, :, begin:end] += sheared(products, length).transpose(-1, -2)
    return scores


def sheared(products: Tensor, length: int) -> Tensor:
    """Return a view ``(heads, rows, length)`` of ``(heads, rows, rows + length - 1)``.

    The last row begins at its first place, each row before it one place further.
    """
    heads, rows, width = products.shape
    strides = (rows * width, width - 1, 1)
    return products.as_strided((heads, rows, length), strides, products.storage_offset() + rows - 1)
