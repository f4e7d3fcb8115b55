"""A recurrent state goes through a cache like keys and values, but for what it cannot do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from automodel_core.layers.caches.base import Cache, LayerCache
from automodel_core.layers.caches.state import RecurrentState


def cache_of(*rows: float) -> Cache:
    cache, state = Cache(), RecurrentState()
    state.update((torch.tensor(rows)[:, None], 10 * torch.tensor(rows)), new=5)
    cache.layers.append(LayerCache(state))
    return cache


def held(cache: Cache) -> list[float]:
    """Return what the state has for each row, once both of its tensors agree."""
    first, second = cache[0]
    assert torch.equal(10 * first[:, 0], second)
    return first[:, 0].tolist()


def test_rows_move_as_those_of_keys_do() -> None:
    cache = cache_of(1.0, 2.0)
    cache.reorder(torch.tensor([1, 1]), since=3)
    assert held(cache) == [2.0, 2.0]
    cache = cache_of(1.0, 2.0)
    cache.repeat_interleave(2)
    assert held(cache) == [1.0, 1.0, 2.0, 2.0]
    cache.select(torch.tensor([0, 2]))
    assert held(cache) == [1.0, 2.0]


def test_positions_are_known_without_keys() -> None:
    cache = cache_of(1.0)
    assert cache.get_seq_length() == 5
    assert cache.layers[0].keys is cache.layers[0].values is None
    assert not cache.has_keys
    cache.layers[0].state.update(cache[0], new=2)
    assert cache.get_seq_length() == 7
    cache.reset()
    assert cache.get_seq_length() == len(cache) == 0


def test_what_a_summary_cannot_do_is_refused() -> None:
    cache = cache_of(1.0)
    assert not cache.is_croppable
    cache.crop(5)
    with pytest.raises(ValueError, match="cannot go back from 5 to 4 positions"):
        cache.crop(-1)
    keys: Tensor = torch.ones(1, 1, 1, 1)
    with pytest.raises(TypeError, match="layer 0 keeps a RecurrentState, no keys and values"):
        cache.update(keys, keys, 0)
    with pytest.raises(ValueError, match="layer 0 of the legacy cache holds no keys and values"):
        Cache.from_legacy_cache(cache.to_legacy_cache())
