"""Every kind of cache in ``generate``, and caches that go from one call to the next."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, strategies as st

from automodel_core.errors import GenerationArgumentError
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.names import DynamicCache, EncoderDecoderCache
from automodel_core.layers.caches.offloaded import OffloadedCache
from automodel_core.layers.caches.quantized import QuantizedCache
from automodel_core.layers.caches.static import StaticCache
from support.examples import examples
from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])
WAYS = [
    {},
    {"num_beams": 3, "num_return_sequences": 2},
    {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    {"num_beams": 3, "force_words_ids": [[9]]},
    {"penalty_alpha": 0.5, "top_k": 3},
    {"dola_layers": "high"},
    {"prompt_lookup_num_tokens": 3},
]
KINDS = [
    ({"cache_implementation": "static"}, StaticCache),
    ({"cache_implementation": "static", "max_cache_len": 50}, StaticCache),
    ({"cache_implementation": "hybrid"}, StaticCache),
    ({"cache_implementation": "offloaded"}, OffloadedCache),
    ({"cache_implementation": "offloaded_static"}, OffloadedCache),
    (
        {"cache_implementation": "quantized", "cache_config": {"residual_length": 99}},
        QuantizedCache,
    ),
    ({"cache_implementation": "dynamic_full"}, Cache),
    ({"cache_implementation": "dynamic"}, Cache),
]


@pytest.mark.parametrize("make", [drawn, drawn_pair])
@pytest.mark.parametrize("way", range(len(WAYS)))
def test_ids_are_the_same_with_any_cache(make, way):
    model = make(seed=way, eos_token_id=None, pad_token_id=0)
    options = {**WAYS[way], "max_new_tokens": 9, "return_dict_in_generate": True}
    expected = model.generate(PROMPT, **options)
    for settings, kind in KINDS:
        found = model.generate(PROMPT, **options, **settings)
        assert found.sequences.tolist() == expected.sequences.tolist(), settings
        assert isinstance(found.past_key_values, kind)


@pytest.mark.parametrize("make", [drawn, drawn_pair])
def test_eight_bits_seldom_change_a_token(make):
    model = make(seed=1, eos_token_id=None)
    ids = torch.randint(2, 23, (8, 10), generator=torch.Generator().manual_seed(0))
    plain = model.generate(ids, max_new_tokens=20, pad_token_id=0)
    found = model.generate(
        ids, max_new_tokens=20, pad_token_id=0, cache_implementation="quantized",
        cache_config={"residual_length": 4, "nbits": 8, "config": model.config},
    )  # fmt: skip
    assert (found == plain).float().mean() > 0.9


def test_a_window_as_wide_as_the_text_changes_nothing():
    model = drawn(seed=2, eos_token_id=None, pad_token_id=0)
    plain = model.generate(PROMPT, max_new_tokens=8)
    for window, same in ((11, True), (2, False)):
        for settings in ({"max_cache_len": window}, {"cache_config": {"sliding_window": window}}):
            found = model.generate(
                PROMPT, max_new_tokens=8, cache_implementation="sliding_window", **settings
            )
            assert (found.tolist() == plain.tolist()) is same
    with pytest.raises(
        GenerationArgumentError, match="takes back tokens, which SlidingWindowCache"
    ):
        model.generate(
            PROMPT, max_new_tokens=8, prompt_lookup_num_tokens=2,
            cache_implementation="sliding_window", max_cache_len=5,
        )  # fmt: skip


@pytest.mark.parametrize(
    "make_cache",
    [Cache, DynamicCache, OffloadedCache, lambda: StaticCache(max_cache_len=30),
     lambda: QuantizedCache(residual_length=40), lambda: EncoderDecoderCache(DynamicCache())],
)  # fmt: skip
@pytest.mark.parametrize("beams", [1, 3])
def test_a_chat_goes_on_with_the_cache_of_the_turn_before(make_cache, beams):
    model = drawn(seed=3, eos_token_id=None, pad_token_id=0)
    cache, text, alone = make_cache(), PROMPT, PROMPT
    for turn in range(3):
        text = model.generate(text, past_key_values=cache, max_new_tokens=4)
        alone = model.generate(alone, max_new_tokens=4)
        assert text.tolist() == alone.tolist()
        assert cache.get_seq_length() == text.shape[1] - 1
        assert cache.decoding is False
        said = torch.full((2, 2), 9 + turn)
        text, alone = torch.cat([text, said], dim=1), torch.cat([alone, said], dim=1)
    expected = model.generate(alone, max_new_tokens=3, num_beams=beams)
    found = model.generate(text, past_key_values=cache, max_new_tokens=3, num_beams=beams)
    assert found.tolist() == expected.tolist()


@examples(25)
@given(st.integers(1, 6), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 5))
def test_prompts_that_begin_alike_share_a_cache(shared, lengths, seed):
    model = drawn(seed=seed, eos_token_id=None, pad_token_id=0)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(2, 23, (1, shared), generator=generator)
    cache = Cache()
    with torch.no_grad():
        model(input_ids=start, past_key_values=cache, use_cache=True)
    for length in lengths:
        ids = torch.cat([start, torch.randint(2, 23, (1, length), generator=generator)], dim=1)
        expected = model.generate(ids, max_new_tokens=4)
        copied = model.generate(ids, past_key_values=copy.deepcopy(cache), max_new_tokens=4)
        assert copied.tolist() == expected.tolist()
        assert (
            model.generate(ids, past_key_values=cache, max_new_tokens=4).tolist()
            == expected.tolist()
        )
        cache.crop(shared)


def test_tuples_of_older_versions_are_taken():
    model = drawn(seed=4, eos_token_id=None, pad_token_id=0)
    whole = model.generate(PROMPT, max_new_tokens=4)
    cache = Cache()
    model(input_ids=PROMPT[:, :2], past_key_values=cache, use_cache=True)
    found = model.generate(PROMPT, past_key_values=cache.to_legacy_cache(), max_new_tokens=4)
    assert found.tolist() == whole.tolist()


def test_a_model_that_has_learned_is_not_answered_by_its_former_self():
    model = drawn(seed=5, eos_token_id=None, pad_token_id=0)
    cache = model.generate(PROMPT, max_new_tokens=3, return_dict_in_generate=True).past_key_values
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3)
    cache.crop(0)
    expected = model.generate(PROMPT, max_new_tokens=5)
    assert (
        model.generate(PROMPT, past_key_values=cache, max_new_tokens=5).tolist()
        == expected.tolist()
    )


def test_beams_move_only_what_differs(monkeypatch):
    model = drawn(seed=6, eos_token_id=None, pad_token_id=0)
    moves = []
    original = Cache.reorder
    monkeypatch.setattr(
        Cache, "reorder", lambda self, index, since=0: (
            moves.append((self.get_seq_length(), since)), original(self, index, since)
        )[1],
    )  # fmt: skip
    ids = torch.randint(2, 23, (2, 9), generator=torch.Generator().manual_seed(0))
    model.generate(ids, num_beams=4, max_new_tokens=12)
    assert moves
    assert all(9 <= since < length for length, since in moves)
