"""The cache: what goes in comes out, in blocks, in any order and of any rows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from automodel_core.layers.caches.base import BLOCK, Cache, SelfAttentionCache


def states(rows: int, length: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, 2, length, 3, generator=torch.Generator().manual_seed(seed))


def filled(rows: int = 4, length: int = 5, layers: int = 2) -> tuple[Cache, Tensor]:
    """Return a cache of layers that all hold the same keys, and twice them as values."""
    cache, keys = Cache(), states(rows, length)
    for index in range(layers):
        cache.layer(index).state.update(keys, 2 * keys)
        cache.layer(index).cross_attn.tensors = (3 * keys, 4 * keys)
    return cache, keys


def assert_holds(cache: Cache, keys: Tensor, cross: Tensor | None = None) -> None:
    cross = keys if cross is None else cross
    for layer in cache:
        for found, factor, expected in zip(
            layer, (1, 2, 3, 4), (keys, keys, cross, cross), strict=True
        ):
            assert torch.equal(found, factor * expected)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_positions_are_kept_in_order(lengths: list[int]) -> None:
    cache, fed = SelfAttentionCache(), []
    for seed, length in enumerate(lengths):
        new = states(2, length, seed)
        fed.append(new)
        key, value = cache.update(new, -new)
        expected = torch.cat(fed, dim=2)
        assert torch.equal(key, expected)
        assert torch.equal(value, -expected)
        assert cache.length == expected.shape[2]


def test_it_grows_in_blocks_and_seldom() -> None:
    cache, places = SelfAttentionCache(), set()
    for _ in range(10 * BLOCK):
        key, _ = cache.update(states(1, 1), states(1, 1))
        places.add(key.data_ptr())
    assert len(places) <= 6


def test_gradients_flow_to_earlier_positions() -> None:
    cache = SelfAttentionCache()
    first, second = states(1, 2).requires_grad_(), states(1, 3).requires_grad_()
    cache.update(first, first)
    key, value = cache.update(second, second)
    (key.sum() + 2 * value.sum()).backward()
    assert torch.equal(first.grad, torch.full_like(first, 3.0))
    assert torch.equal(second.grad, torch.full_like(second, 3.0))
    with torch.no_grad():
        key, _ = cache.update(states(1, 1), states(1, 1))
    assert key.shape[2] == 6


@pytest.mark.parametrize("order", [[3, 3, 0, 1], [0, 1, 2, 3], [2, 1, 0, 3]])
def test_rows_change_places(order: list[int]) -> None:
    cache, keys = filled()
    index = torch.tensor(order)
    cache.reorder(index)
    assert_holds(cache, keys[index])
    cache.layer(0).state.update(states(4, 1), states(4, 1))
    assert cache.get_seq_length() == 6


def test_beams_that_share_a_context_leave_it() -> None:
    cache, keys = filled()
    shared = states(2, 7)
    for layer in cache.layers:
        layer.cross_attn.tensors = (3 * shared, 4 * shared)
    index = torch.tensor([1, 1, 3, 2])
    cache.reorder(index)
    assert_holds(cache, keys[index], shared)


@pytest.mark.parametrize("order", [[0], [3, 1], [0, 0, 1, 1, 2, 2]])
def test_another_number_of_rows(order: list[int]) -> None:
    index = torch.tensor(order)
    cache, keys = filled()
    cache.select(index)
    assert_holds(cache, keys[index])
    cache, keys = filled()
    cache.reorder(index)
    assert_holds(cache, keys[index], keys)


def test_rows_are_repeated() -> None:
    cache, keys = filled()
    cache.repeat_interleave(3)
    assert_holds(cache, keys.repeat_interleave(3, dim=0))


@pytest.mark.parametrize(("length", "kept"), [(3, 3), (0, 0), (5, 5), (9, 5), (-2, 3), (-9, 0)])
def test_positions_are_forgotten(length: int, kept: int) -> None:
    cache, keys = filled()
    cache.crop(length)
    assert cache.get_seq_length() == kept
    more = states(4, 2, seed=1)
    for layer in cache.layers:
        layer.state.update(more, 2 * more)
    assert_holds(cache, torch.cat([keys[:, :, :kept], more], dim=2), keys)


def test_an_empty_cache() -> None:
    cache = Cache()
    assert bool(cache)
    assert len(cache) == 0
    assert list(cache) == []
    assert cache.get_seq_length() == 0
    cache.reorder(torch.tensor([0]))
    cache.crop(3)
    cache.repeat_interleave(2)
    cache.layer(1).state.reorder(torch.tensor([0]))
    assert len(cache) == 2
    assert cache[0] == ()
    cache.reset()
    assert len(cache) == 0


def test_names_of_other_libraries() -> None:
    cache, keys = filled()
    cache.reorder_cache(torch.tensor([1, 0, 2, 3]))
    cache.batch_select_indices(torch.tensor([0, 1]))
    cache.batch_repeat_interleave(2)
    assert_holds(cache, keys[[1, 1, 0, 0]])


def test_it_tells_where_it_is_and_how_long_its_context_is() -> None:
    assert (Cache().context_length, Cache().devices) == (0, set())
    cache, _ = filled(length=5)
    cache.layer(2).state.update(states(4, 5).to("meta"), states(4, 5).to("meta"))
    assert cache.context_length == 5
    assert cache.devices == {torch.device("cpu"), torch.device("meta")}


def test_another_librarys_cache_is_taken_over() -> None:
    _, keys = filled()
    theirs = [(keys, 2 * keys, None), (keys, 2 * keys, None)]
    for given_cache in (iter(theirs), SimpleNamespace(self_attention_cache=theirs)):
        cache = Cache.of(given_cache)
        assert cache.get_seq_length() == keys.shape[2]
        for layer in cache:
            assert [torch.equal(*pair) for pair in zip(layer, (keys, 2 * keys), strict=True)]
    cache = Cache.of(tuple((keys, 2 * keys, 3 * keys, 4 * keys) for _ in range(2)))
    assert_holds(cache, keys)
