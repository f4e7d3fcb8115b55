"""Masks: what a query may see, and None where it may see everything."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.key_view import CAUSAL
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.masks import (
    additive,
    causal_mask,
    context_mask,
    decoder_mask,
    packed_mask,
    padding_mask,
    visible_keys,
)

CPU = torch.device("cpu")
PADDED = torch.tensor([[1, 1, 0], [1, 1, 1]])


def seen(mask: torch.Tensor) -> list[object]:
    assert set(mask.unique().tolist()) <= {0.0, torch.finfo(mask.dtype).min}
    return (mask == 0).int().tolist()


def test_nothing_hidden_is_none() -> None:
    full = torch.ones(2, 3, dtype=torch.long)
    assert padding_mask(None, torch.float32) is None
    for kind in (full, full.bool(), full.float(), full[:, None], full[:, None, None]):
        assert visible_keys(kind) is None
        assert padding_mask(kind.bool(), torch.float32) is None
    assert causal_mask(None, 1, 5, torch.float32, CPU) is None
    assert causal_mask(torch.ones(2, 5), 1, 5, torch.float32, CPU) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_padding(dtype: torch.dtype) -> None:
    mask = padding_mask(PADDED, dtype)
    assert mask is not None
    assert mask.dtype == dtype
    assert mask.shape == (2, 1, 1, 3)
    assert seen(mask) == [[[[1, 1, 0]]], [[[1, 1, 1]]]]


def test_a_decoding_loop_has_the_mask_of_its_context_made_once() -> None:
    cache = Cache(decoding=True)
    first = context_mask(PADDED, torch.float32, cache)
    assert torch.equal(first, padding_mask(PADDED, torch.float32))
    assert context_mask(PADDED, torch.float32, cache) is first
    other = context_mask(PADDED.flip(1), torch.float32, cache)
    assert torch.equal(other, padding_mask(PADDED.flip(1), torch.float32))
    assert context_mask(PADDED, torch.float64, cache).dtype == torch.float64
    assert context_mask(torch.ones(2, 3), torch.float32, cache) is None
    assert context_mask(None, torch.float32, cache) is None


def test_outside_of_a_decoding_loop_a_context_mask_may_change() -> None:
    for cache in (None, Cache()):
        mask = PADDED.clone()
        context_mask(mask, torch.float32, cache)
        mask[0, 1] = 0
        changed = context_mask(mask, torch.float32, cache)
        assert torch.equal(changed, padding_mask(mask, torch.float32))


def test_masks_of_three_and_four_dimensions() -> None:
    square = torch.tensor([[[1, 0], [1, 1]]])
    for given in (square, square[:, None], square.bool()):
        mask = padding_mask(given, torch.float32)
        assert mask is not None
        assert mask.shape == (1, 1, 2, 2)
        assert seen(mask) == [[[[1, 0], [1, 1]]]]
        causal = causal_mask(given, 2, 2, torch.float32, CPU)
        assert causal is not None
        assert torch.equal(causal, mask)


def test_numbers_to_add_are_taken_as_they_are() -> None:
    numbers = torch.randn(2, 3, 4, 4)
    assert torch.equal(padding_mask(numbers, torch.float32), numbers)
    assert torch.equal(causal_mask(numbers, 4, 4, torch.float32, CPU), numbers)
    assert causal_mask(numbers, 4, 4, torch.float64, CPU).dtype == torch.float64


@pytest.mark.parametrize(("queries", "keys"), [(3, 3), (2, 5), (1, 1)])
def test_causality(queries: int, keys: int) -> None:
    mask = causal_mask(None, queries, keys, torch.float32, CPU)
    if queries == 1:
        assert mask is None
        return
    expected = [[int(k <= q + keys - queries) for k in range(keys)] for q in range(queries)]
    assert seen(mask) == [[expected]]


def test_causality_and_padding_together() -> None:
    mask = causal_mask(PADDED, 2, 3, torch.float32, CPU)
    assert seen(mask) == [[[[1, 1, 0], [1, 1, 0]]], [[[1, 1, 0], [1, 1, 1]]]]
    one = causal_mask(PADDED, 1, 3, torch.float32, CPU)
    assert seen(one) == [[[[1, 1, 0]]], [[[1, 1, 1]]]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_row_that_sees_nothing_stays_finite(dtype: torch.dtype) -> None:
    mask = additive(torch.zeros(1, 1, 2, 3, dtype=torch.bool), dtype)
    weights = (torch.randn(1, 1, 2, 3, dtype=dtype) + mask).float().softmax(-1)
    assert bool(weights.isfinite().all())


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("pieces", [[7], [4, 3], [1] * 7, [5, 1, 1]])
def test_a_window_ends_behind_each_query(pieces: list[int], padded: bool) -> None:
    window, total = 3, sum(pieces)
    padding = torch.ones(1, total, dtype=torch.long)
    padding[0, :1] = 0 if padded else 1
    rows: list[Tensor] = []
    for length in pieces:
        span, states = PositionSpan(len(rows), length, CPU), torch.zeros(1, length, 4)
        mask = decoder_mask(padding[:, : span.end], span, states, window=window)
        if mask is None or mask is CAUSAL:
            assert span.end <= window
            mask = causal_mask(None, length, span.end, torch.float32, CPU)
        whole = torch.zeros(1, 1, length, span.end) if mask is None else mask
        rows.extend(F.pad(whole.expand(1, 1, length, -1), (0, total - span.end), value=-1)[0, 0])
    distance = torch.arange(total)[:, None] - torch.arange(total)
    expected = (distance >= 0) & (distance < window) & padding.bool()
    assert torch.equal(torch.stack(rows) == 0, expected)


def test_a_window_that_holds_all_needs_no_tensor() -> None:
    assert decoder_mask(None, PositionSpan(0, 4, CPU), torch.zeros(1, 4, 2), window=4) is CAUSAL
    assert decoder_mask(None, PositionSpan(3, 1, CPU), torch.zeros(1, 1, 2), window=4) is None


def test_a_mask_for_each_query_needs_no_window() -> None:
    given = torch.ones(1, 4, 4).tril()
    mask = decoder_mask(given, PositionSpan(0, 4, CPU), torch.zeros(1, 4, 2), window=2)
    assert seen(mask) == [[given[0].long().tolist()]]


def test_texts_of_one_row_do_not_see_each_other() -> None:
    assert packed_mask(torch.tensor([[4, 5, 6], [0, 1, 2]])) is None
    seen = packed_mask(torch.tensor([0, 1, 0, 1]))
    assert seen is not None
    assert seen.long().tolist() == [[[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]]
