"""A cache of fixed shapes holds what another one does, and knows its place as a tensor."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from automodel_core.layers.caches.base import Cache, span_of
from automodel_core.layers.caches.compiled import CompiledCache
from automodel_core.layers.caches.key_view import KeyView
from automodel_core.layers.masks import decoder_mask
from automodel_core.layers.positions.relative import RelativePositionBias
from layers.caches.test_names import fed, stack, states
from support.examples import examples

ROOM = 24


def prefilled(length: int, rows: int = 2) -> Cache:
    cache = Cache(decoding=True)
    fed(stack(), states(rows, length), cache, None)
    return cache


@torch.no_grad()
def stepped(cache: CompiledCache, new: Tensor, mask: Tensor | None = None) -> Tensor:
    """Feed states to a compiled cache as a compiled step does; the mask has all of its width."""
    visible = decoder_mask(mask, span_of(cache, new), new)
    found = stack()(new, visible, cache=cache).last_hidden_state
    cache.next.add_(new.shape[1])
    cache.advance(new.shape[1])
    return found


@examples(20)
@given(st.integers(1, 9), st.lists(st.integers(1, 3), min_size=1, max_size=4), st.booleans())
def test_the_numbers_are_those_of_the_usual_cache(
    prompt: int, pieces: list[int], padded: bool
) -> None:
    usual = prefilled(prompt)
    fixed = CompiledCache(usual, ROOM, 0)
    assert fixed.takes(usual)
    fixed.load(usual)
    mask = None
    if padded:
        mask = torch.ones(2, ROOM, dtype=torch.long)
        mask[0, : prompt // 2] = 0
    for seed, length in enumerate(pieces):
        new = states(2, length, seed)
        torch.testing.assert_close(
            stepped(fixed, new, mask), fed(stack(), new, usual, mask), atol=1e-5, rtol=1e-5
        )
        index = torch.tensor([1, 0])
        usual.reorder(index, since=prompt - 1)
        fixed.reorder(index, since=prompt - 1)
        if mask is not None:
            mask[:, :] = 1
    assert fixed.get_seq_length() == int(fixed.next) == usual.get_seq_length()
    handed = Cache()
    fixed.store(handed)
    for ours, theirs in zip(handed, usual, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b)


def test_nothing_moves_and_nothing_of_an_earlier_text_is_left() -> None:
    first, second = prefilled(9), prefilled(4)
    fixed = CompiledCache(first, ROOM, 0)
    places = [tensor.data_ptr() for tensor in fixed.buffers()]
    for earlier in fixed.buffers():
        if earlier.is_floating_point():
            earlier.fill_(math.nan)
    fixed.load(second)
    found = stepped(fixed, states(2, 1, 3))
    fixed.reorder(torch.tensor([1, 1]))
    torch.testing.assert_close(found, fed(stack(), states(2, 1, 3), second, None))
    assert [tensor.data_ptr() for tensor in fixed.buffers()] == places


def test_what_has_other_shapes_is_not_taken() -> None:
    fixed = CompiledCache(prefilled(3), ROOM, 0)
    assert fixed.takes(prefilled(5))
    assert not fixed.takes(prefilled(3, rows=3))
    assert not fixed.takes(Cache())
    half = prefilled(3)
    for layer in half.layers:
        layer.state.transform(lambda rows: rows.half())
    assert not fixed.takes(half)


def test_a_context_is_kept_with_room() -> None:
    cache = prefilled(3)
    for layer in cache.layers:
        layer.cross_attn.tensors = torch.ones(1, 2, 5, 4), torch.ones(1, 2, 5, 4)
    fixed = CompiledCache(cache, ROOM, 8)
    fixed.load(cache)
    for layer in fixed.layers:
        key, value = layer.cross_attn.tensors
        assert key.shape == value.shape == (1, 2, 8, 4)
        assert int(key.sum()) == 40
    handed = Cache()
    fixed.store(handed)
    assert handed.get_seq_length() == 3


def test_it_learns_how_many_positions_a_model_has() -> None:
    fixed = CompiledCache(prefilled(3), ROOM, 0)
    fixed.load(prefilled(3))
    table = torch.arange(12.0)[:, None]
    assert fixed.span(1, table.device).rows_of(table, unused=2).tolist() == [[5.0]]
    assert fixed.limit == 10
    with pytest.raises(ValueError, match="11 positions are more than the 10"):
        fixed.span(8, table.device).rows_of(table, unused=2)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_biases_are_those_of_the_same_positions(bidirectional: bool) -> None:
    torch.manual_seed(0)
    biases = RelativePositionBias(2, 8, 20, bidirectional=bidirectional)
    usual = prefilled(6)
    fixed = CompiledCache(usual, ROOM, 0)
    fixed.load(usual)
    one, several = states(2, 1), states(2, 3)
    for new in (one, several):
        expected = biases.at(span_of(usual, new), usual)
        found = biases.at(span_of(fixed, new), fixed)
        assert found.shape[-1] == ROOM
        torch.testing.assert_close(found[..., : expected.shape[-1]], expected)
    # As an attention asks for them, which knows the query and the keys.
    query, keys = torch.ones(2, 2, 1, 4), torch.ones(2, 2, 7, 4)
    table = biases.at(span_of(usual, one), usual)
    torch.testing.assert_close(biases(query, keys), table)
    torch.testing.assert_close(biases(query, keys, torch.tensor([6])), table)


def test_a_mask_of_a_model_s_own_is_left_to_it() -> None:
    fixed, own = CompiledCache(prefilled(3), ROOM, 0), KeyView()
    assert fixed.layers[0].state.fit(own, states(2, 1)) is own
    assert fixed.get_max_cache_shape() == ROOM


@torch.no_grad()
def test_a_window_ends_behind_the_token_and_not_behind_the_room() -> None:
    usual = prefilled(6)
    fixed = CompiledCache(usual, ROOM, 0)
    fixed.load(usual)
    for seed in range(3):
        new = states(2, 1, seed)
        found, expected = (
            stack()(
                new, decoder_mask(None, span_of(cache, new), new, window=4), cache=cache
            ).last_hidden_state
            for cache in (fixed, usual)
        )
        fixed.next.add_(1)
        fixed.advance(1)
        torch.testing.assert_close(found, expected)
