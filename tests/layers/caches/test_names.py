"""Each kind of cache against the one that keeps everything: in shapes, numbers and rows."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor, nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.caches.base import Cache, span_of
from automodel_core.layers.caches.names import CACHES, DynamicCache, EncoderDecoderCache
from automodel_core.layers.caches.offloaded import OffloadedCache
from automodel_core.layers.caches.quantized import QuantizedCache, QuantizedTensor
from automodel_core.layers.caches.sliding_window import SlidingWindowCache
from automodel_core.layers.caches.static import StaticCache
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.masks import causal_mask, decoder_mask
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from support.examples import examples

ROOM = 60
EXACT = {
    "static": lambda: StaticCache(max_cache_len=ROOM),
    "offloaded": OffloadedCache,
    "dynamic, offloading": lambda: DynamicCache(offloading=True),
    "wide window": lambda: SlidingWindowCache(sliding_window=ROOM),
    "quantized later": lambda: QuantizedCache(residual_length=ROOM + 1),
    "pair": lambda: EncoderDecoderCache(DynamicCache(), DynamicCache()),
}


def states(rows: int, length: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, length, 8, generator=torch.Generator().manual_seed(seed))


def stack(seed: int = 0) -> TransformerStack:
    torch.manual_seed(seed)
    layers = [
        TransformerLayer(
            Attention(equal_heads(8, 2)),
            FeedForward(8, 12),
            lambda: nn.LayerNorm(8),
            norm_first=True,
        )
        for _ in range(2)
    ]
    made = TransformerStack(layers).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.5)
    return made


@torch.no_grad()
def fed(model: TransformerStack, fed_states: Tensor, cache: Cache, mask: Tensor | None) -> Tensor:
    """Feed states (rows, length, size) behind what the cache has seen."""
    seen, length = cache.get_seq_length(), fed_states.shape[1]
    visible = None if mask is None else mask[:, : seen + length]
    mask = decoder_mask(visible, span_of(cache, fed_states), fed_states)
    return model(fed_states, mask, cache=cache).last_hidden_state


@st.composite
def lengths(draw) -> list[int]:
    """Return how many positions are fed at a time, prompts and single tokens."""
    return draw(st.lists(st.sampled_from([1, 1, 1, 2, 5, 11]), min_size=1, max_size=5))


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("decoding", [False, True])
def test_the_numbers_are_those_of_the_usual_cache(kind: str, decoding: bool) -> None:
    @examples(12)
    @given(lengths(), st.booleans())
    def compare(pieces: list[int], padded: bool) -> None:
        model, mask = stack(), None
        if padded:
            mask = torch.ones(2, sum(pieces), dtype=torch.long)
            mask[0, : pieces[0] // 2] = 0
        usual, other = Cache(decoding=decoding), EXACT[kind]()
        other.decoding = decoding
        for seed, length in enumerate(pieces):
            new = states(2, length, seed)
            expected, found = fed(model, new, usual, mask), fed(model, new, other, mask)
            if padded:  # what sees nothing at all may see anything
                shown = mask[:, usual.get_seq_length() - length :][:, :length].bool()
                expected, found = expected[shown], found[shown]
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        assert other.get_seq_length() == sum(pieces)
        shown = torch.ones(2, sum(pieces)).bool() if mask is None else mask.bool()
        for ours, theirs in zip(other, usual, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a.transpose(1, 2)[shown], b.transpose(1, 2)[shown])

    compare()


@pytest.mark.parametrize("kind", EXACT)
def test_rows_and_positions_change_as_in_the_usual_cache(kind: str) -> None:
    model, usual, other = stack(), Cache(), EXACT[kind]()
    for cache in (usual, other):
        fed(model, states(3, 6), cache, None)
        cache.crop(4)
        cache.repeat_interleave(2)
        fed(model, states(6, 1, 1), cache, None)
        cache.reorder(torch.tensor([1, 1, 2, 2, 5, 4]), 4)
        cache.reorder(torch.tensor([1, 5, 0, 3, 2, 2]))
        cache.select(torch.tensor([5, 0, 3]))
        fed(model, states(3, 2, 2), cache, None)
        cache.crop(-1)
    for ours, theirs in zip(other, usual, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b)
    found, expected = (fed(model, states(3, 1, 3), cache, None) for cache in (other, usual))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    other.reset()
    assert other.get_seq_length() == 0


def test_the_rows_of_a_pair_share_positions_before_they_part() -> None:
    """With ``since`` only what differs is moved, so what is before is left as it is."""
    cache = Cache()
    key = torch.arange(12.0).view(2, 1, 6, 1)
    cache.update(key.clone(), key.clone(), 0)
    cache.reorder(torch.tensor([1, 1]), since=4)
    assert cache[0][0][0, 0, :, 0].tolist() == [0, 1, 2, 3, 10, 11]


# ---- fixed room ----


def test_a_static_cache_never_moves() -> None:
    model = stack()
    cache = StaticCache(max_cache_len=20)
    places = set()
    for seed in range(20):
        fed(model, states(1, 1, seed), cache, None)
        places.add(cache.layers[1].state._key.data_ptr())
    assert len(places) == 1
    assert cache.get_max_cache_shape() == 20
    with pytest.raises(ValueError, match="room for 20 positions, and 21 are needed"):
        fed(model, states(1, 1), cache, None)
    with pytest.raises(ValueError, match="needs max_cache_len"):
        StaticCache()


def test_a_static_cache_learns_like_any_other() -> None:
    cache = StaticCache(max_cache_len=9)
    first = torch.ones(1, 1, 2, 3, requires_grad=True)
    cache.update(first, first, 0)
    key, value = cache.update(torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1, 3), 0)
    assert key.shape[2] == 3
    (key.sum() + value.sum()).backward()


# ---- windows ----


@examples(40)
@given(lengths(), st.integers(1, 9), st.booleans())
def test_a_window_hides_what_is_further_away(pieces: list[int], window: int, padded: bool) -> None:
    model, total = stack(), sum(pieces)
    whole = torch.cat([states(2, length, seed) for seed, length in enumerate(pieces)], dim=1)
    mask = torch.ones(2, total, dtype=torch.long)
    if padded:
        mask[0, : pieces[0] // 2] = 0
    additive = causal_mask(mask, total, total, whole.dtype, whole.device)
    distance = torch.arange(total)[:, None] - torch.arange(total)
    lowest = torch.finfo(whole.dtype).min
    hidden = distance >= window
    additive = (
        torch.zeros(total, total).masked_fill(distance < 0, lowest)
        if additive is None
        else additive
    )
    with torch.no_grad():
        expected = model(whole, additive.masked_fill(hidden, lowest)).last_hidden_state
    for decoding in (False, True):
        cache, parts = SlidingWindowCache(sliding_window=window, decoding=decoding), []
        for seed, length in enumerate(pieces):
            parts.append(fed(model, states(2, length, seed), cache, mask))
        shown = (mask.cumsum(1) >= min(window, 1)) & mask.bool()
        found = torch.cat(parts, dim=1)
        torch.testing.assert_close(found[shown], expected[shown], atol=1e-5, rtol=1e-5)
        assert cache.get_seq_length() == total
        assert cache.layers[0].state._key.shape[2] <= max(2 * window, window + max(pieces))


def test_a_window_cannot_go_back_to_what_is_gone() -> None:
    cache = SlidingWindowCache(sliding_window=4)
    key = torch.arange(30.0).view(1, 1, 30, 1)
    for start in range(0, 30, 3):
        cache.update(key[:, :, start : start + 3], key[:, :, start : start + 3], 0)
    assert cache[0][0].flatten().tolist() == [26, 27, 28, 29]
    assert cache.get_max_cache_shape() == 4
    with pytest.raises(ValueError, match="cannot go back from 30 to 9"):
        cache.crop(9)
    short = SlidingWindowCache(sliding_window=4)
    short.update(key[:, :, :3], key[:, :, :3], 0)
    short.crop(1)
    assert short[0][0].flatten().tolist() == [0]


def test_a_window_is_found_in_the_config() -> None:
    assert SlidingWindowCache(PreTrainedConfig(sliding_window=7), 99).window == 7
    assert SlidingWindowCache(PreTrainedConfig(), 5, batch_size=2).window == 5
    with pytest.raises(ValueError, match="needs a sliding_window"):
        SlidingWindowCache(PreTrainedConfig())
    first = torch.ones(1, 1, 3, 2, requires_grad=True)
    cache = SlidingWindowCache(sliding_window=2)
    cache.update(first, first, 0)
    key, _ = cache.update(first, first, 0)
    key.sum().backward()
    assert first.grad[0, 0, :, 0].tolist() == [1, 1, 2]


# ---- integers ----


@pytest.mark.parametrize("nbits", [2, 4, 8])
@pytest.mark.parametrize(("size", "group"), [(8, 64), (8, 4), (5, 64), (6, 3)])
def test_numbers_come_back_within_half_a_step(nbits: int, size: int, group: int) -> None:
    kept = QuantizedTensor(nbits, group)
    whole = torch.randn(2, 3, 300, size)
    for part in whole.split([200, 1, 99], dim=2):
        kept.append(part)
    found = kept.tensor(size)
    groups = whole.unflatten(-1, (-1, group if size % group == 0 else size))
    step = (groups.amax(-1) - groups.amin(-1)) / (2**nbits - 1)
    error = (found - whole).unflatten(-1, groups.shape[-2:]).abs().amax(-1)
    assert bool((error <= step / 2 + 1e-5).all())
    each = 8 // nbits if groups.shape[-1] % (8 // nbits) == 0 else 1
    assert kept._parts[0].dtype == torch.uint8
    assert kept._parts[0].shape[-1] == groups.shape[-1] // each
    constant = QuantizedTensor(nbits, group)
    constant.append(torch.full((1, 1, 2, size), 3.25))
    torch.testing.assert_close(constant.tensor(size), torch.full((1, 1, 2, size), 3.25))


@pytest.mark.parametrize(("nbits", "error"), [(8, 0.02), (4, 0.5)])
def test_a_quantized_cache_is_near_the_usual_one(nbits: int, error: float) -> None:
    model, usual, other = stack(), Cache(), QuantizedCache(nbits=nbits, residual_length=4)
    for seed, length in enumerate([11, 1, 1, 1, 1, 1, 6, 1, 1, 1]):
        new = states(2, length, seed)
        expected, found = fed(model, new, usual, None), fed(model, new, other, None)
        assert (found - expected).abs().max() < error
        for cache in (usual, other):
            if seed == 5:
                cache.reorder(torch.tensor([1, 0]))
                cache.crop(14)
    part = other.layers[0].state
    assert part._newest.length < 4
    assert other.get_seq_length() == usual.get_seq_length()
    other.crop(3)
    assert other.get_seq_length() == part._keys.length == 3
    with pytest.raises(ValueError, match="nbits=5 is not available; 2, 4, 8 are"):
        QuantizedCache(nbits=5)


# ---- names, tuples and copies ----


def filled(kind: type[Cache] = Cache) -> Cache:
    cache = kind()
    for index in range(2):
        key = torch.randn(2, 2, 5, 4)
        cache.update(key, -key, index)
        cache.layer(index).cross_attn.tensors = (2 * key, 3 * key)
    return cache


def test_tuples_of_older_versions() -> None:
    cache = filled()
    legacy = cache.to_legacy_cache()
    assert [len(layer) for layer in legacy] == [4, 4]
    for kind in (Cache, DynamicCache, EncoderDecoderCache):
        again = kind.from_legacy_cache(legacy)
        for ours, theirs in zip(again, legacy, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    own = DynamicCache([layer[:2] for layer in legacy])
    assert torch.equal(own.layers[1].keys, legacy[1][0])
    assert torch.equal(own.layers[1].values, legacy[1][1])
    assert DynamicCache.from_legacy_cache().layers == []
    assert own.layer(5).keys is None
    assert own.layer(5).values is None


def test_a_pair_of_caches() -> None:
    cache = filled()
    own, cross = DynamicCache(), DynamicCache()
    for index, layer in enumerate(cache):
        own.update(layer[0], layer[1], index)
        cross.update(layer[2], layer[3], index)
    pair = EncoderDecoderCache(own, cross)
    for ours, theirs in zip(pair, cache, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert pair.is_updated == {0: True, 1: True}
    assert pair.self_attention_cache is own
    assert torch.equal(pair.cross_attention_cache[1][0], cache[1][2])
    assert EncoderDecoderCache().is_updated == {}
    static = EncoderDecoderCache(StaticCache(max_cache_len=9))
    static.update(torch.ones(1, 1, 2, 3), torch.ones(1, 1, 2, 3), 0)
    assert static.get_max_cache_shape() == 9
    assert static.is_croppable
    assert not EncoderDecoderCache(SlidingWindowCache(sliding_window=3)).is_croppable
    assert len(EncoderDecoderCache(own)) == 2


def test_copies_hold_keys_and_values_alone() -> None:
    cache = filled()
    cache.memo["prepared"] = lambda: None
    for twin in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert twin.memo == {}
        twin.update(torch.ones(2, 2, 1, 4), torch.ones(2, 2, 1, 4), 0)
        assert (twin.get_seq_length(), cache.get_seq_length()) == (6, 5)
    assert "prepared" in cache.memo


def test_every_kind_says_what_room_it_has() -> None:
    assert Cache().get_max_cache_shape() == -1
    assert sorted(CACHES) == ["dynamic", "offloaded", "quantized", "sliding_window", "static"]
