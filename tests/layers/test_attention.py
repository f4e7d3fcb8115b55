"""Attention against torch's own, and by every function, cached, over a context, step by step."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, equal_heads, grouped_heads
from automodel_core.layers.caches.base import CrossAttentionCache, SelfAttentionCache
from automodel_core.layers.caches.key_view import CAUSAL, KeyView
from automodel_core.layers.kernels.attention_functions import (
    attend_in_groups,
    attention_weights,
    eager_attention,
    is_long_for_one,
    sdpa_attention,
)
from automodel_core.layers.kernels.norms import RMSNorm
from automodel_core.layers.masks import causal_mask, padding_mask
from automodel_core.layers.positions.rotary import RotaryEmbedding, Rotation


def drawn(module: nn.Module, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0.0, 0.4, generator=generator)
    return module.eval()


def states(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class ByDistance(nn.Module):
    """Scores that depend on the query, the key and how far apart they are."""

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        queries, keys = query.shape[2], key.shape[2]
        places = torch.arange(keys)
        distances = (places[keys - queries :, None] - places).float()
        return -0.1 * distances.abs() + 0.01 * query.sum(-1, keepdim=True)


@pytest.mark.parametrize("attend", [sdpa_attention, eager_attention])
@pytest.mark.parametrize("is_causal", [False, True])
def test_like_the_attention_of_torch(attend: Any, is_causal: bool) -> None:
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    ours = drawn(Attention(equal_heads(12, 3)))
    with torch.no_grad():
        projections = (ours.q_proj, ours.k_proj, ours.v_proj)
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        theirs.out_proj.load_state_dict(ours.o_proj.state_dict())
    ours.attend = attend
    inputs = states(2, 5, 12)
    hidden = torch.ones(5, 5, dtype=torch.bool).triu(1) if is_causal else None
    expected, weights = theirs.eval()(
        inputs, inputs, inputs, attn_mask=hidden, average_attn_weights=False
    )
    found, none = ours(inputs, CAUSAL if is_causal else None)
    torch.testing.assert_close(found, expected)
    assert none is None
    found, shown = ours(inputs, CAUSAL if is_causal else None, output_attentions=True)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(shown, weights)


@pytest.mark.parametrize("masked", [None, 1, 3])
@pytest.mark.parametrize("rows", [1, 3])
def test_one_query_in_bfloat16(rows: int, masked: int | None) -> None:
    query, key, value = (states(rows, 2, n, 8, seed=n).bfloat16() for n in (1, 6, 7))
    key, mask = key[:, :, :6], None
    if masked is not None:
        mask = torch.zeros(min(rows, masked), 1, 1, 6, dtype=torch.bfloat16)
        mask[..., :2] = torch.finfo(torch.bfloat16).min
    given = (key, value[:, :, :6], mask)
    found = sdpa_attention(query, *given, is_causal=False, dropout=0.0, scale=0.3)
    expected = eager_attention(query, *given, is_causal=False, dropout=0.0, scale=0.3)
    assert found.shape == (rows, 2, 1, 8)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("is_causal", [False, True])
def test_functions_agree(masked: bool, is_causal: bool) -> None:
    if masked and is_causal:
        pytest.skip("torch takes one or the other")
    query, key, value = (states(2, 3, 5, 4, seed=s) for s in range(3))
    mask = padding_mask(torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]]), torch.float32)
    given = {"is_causal": is_causal, "dropout": 0.0, "scale": 0.7}
    found = [
        attend(query, key, value, mask if masked else None, **given)
        for attend in (sdpa_attention, eager_attention)
    ]
    torch.testing.assert_close(*found)
    scores = 0.7 * torch.einsum("bhqd,bhkd->bhqk", query, key)
    if masked:
        scores = scores + mask
    if is_causal:
        scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf"))
    torch.testing.assert_close(found[0], scores.softmax(-1) @ value)


@pytest.mark.parametrize("attend", [sdpa_attention, eager_attention])
def test_a_row_that_sees_nothing_is_finite(attend: Any) -> None:
    mask = padding_mask(torch.tensor([[0, 0, 0], [1, 1, 1]]), torch.float32)
    found = attend(
        states(2, 1, 3, 4), states(2, 1, 3, 4), states(2, 1, 3, 4), mask,
        is_causal=False, dropout=0.0, scale=1.0,
    )  # fmt: skip
    assert bool(found.isfinite().all())


def test_weights_are_summed_in_single_precision() -> None:
    query, key = states(1, 1, 4, 8).bfloat16() * 4, states(1, 1, 4, 8, seed=2).bfloat16()
    found = attention_weights(query, key, None, is_causal=False, scale=1.0)
    scores = (query @ key.transpose(-1, -2)).float()
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, scores.softmax(-1).bfloat16())


class ByHead(nn.Module):
    """Scores that differ from head to head."""

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        heads, queries, keys = query.shape[1], query.shape[2], key.shape[2]
        return states(1, heads, 6, 6, seed=9)[:, :, keys - queries : keys, :keys]


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "position scores": {"position_scores": ByDistance()},
    "scores by head": {"position_scores": ByHead()},
    "normed heads": {"head_norm": partial(RMSNorm, 5)},
    "capped scores": {"softcap": 0.8},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [4, 2, 1])
@pytest.mark.parametrize("rotated", [False, True])
def test_steps_equal_a_whole_pass(kind: str, shared: int, rotated: bool) -> None:
    attention = drawn(
        Attention(grouped_heads(12, 4, shared, head_dim=5, bias=shared < 4), **KINDS[kind])
    )
    rotary, inputs = RotaryEmbedding(4) if rotated else None, states(2, 6, 12)

    def at(first: int, length: int) -> Rotation | None:
        positions = torch.arange(first, first + length)[None]
        return None if rotary is None else rotary(positions, torch.float32)

    visible = torch.tensor([[1, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    mask = causal_mask(visible, 6, 6, torch.float32, inputs.device)
    expected, weights = attention(inputs, mask, rotation=at(0, 6), output_attentions=True)
    assert weights.shape == (2, 4, 6, 6)
    torch.testing.assert_close(attention(inputs, mask, rotation=at(0, 6))[0], expected)
    cache, prepared = SelfAttentionCache(), SelfAttentionCache()
    with torch.no_grad():
        step = attention.decode_step(2)
        for index in range(6):
            new, seen = inputs[:, index : index + 1], mask[:, :, index : index + 1, : index + 1]
            found, _ = attention(new, seen, rotation=at(index, 1), cache=cache)
            torch.testing.assert_close(found[:, 0], expected[:, index])
            found = step(new[:, 0], seen, at(index, 1), prepared)
            torch.testing.assert_close(found, expected[:, index])
    assert cache.length == prepared.length == 6


@pytest.mark.parametrize("attend", [sdpa_attention, eager_attention])
@pytest.mark.parametrize("queries", [1, 5])
@pytest.mark.parametrize("masked", ["nothing", "causal", "rows", "row", "heads"])
def test_shared_keys_are_those_of_each_head(attend: Any, queries: int, masked: str) -> None:
    if masked == "causal" and queries == 1:
        pytest.skip("one query sees all that is before it")
    query = states(2, 6, queries, 4)
    key, value = states(2, 2, 5, 4, seed=2), states(2, 2, 5, 4, seed=3)
    shapes = {"rows": (2, 1, queries, 5), "row": (1, 1, 1, 5), "heads": (1, 6, queries, 5)}
    mask = states(*shapes[masked], seed=4) if masked in shapes else None
    given = {"is_causal": masked == "causal", "dropout": 0.0, "scale": 0.7}
    whole = [tensor.repeat_interleave(3, dim=1) for tensor in (key, value)]
    torch.testing.assert_close(
        attend_in_groups(attend, query, key, value, mask, **given),
        attend(query, *whole, mask, **given),
    )


def test_scores_are_capped_before_the_mask_hides_some() -> None:
    query, key = 5 * states(1, 2, 3, 4), 5 * states(1, 2, 3, 4, seed=2)
    mask = causal_mask(None, 3, 3, torch.float32, query.device)
    found = attention_weights(query, key, mask, is_causal=False, scale=0.5, softcap=2.0)
    scores = 2.0 * torch.tanh(0.5 * torch.einsum("bhqd,bhkd->bhqk", query, key) / 2.0)
    hidden = torch.ones(3, 3).triu(1).bool()
    torch.testing.assert_close(found, scores.masked_fill(hidden, float("-inf")).softmax(-1))


def test_each_projection_may_have_a_bias() -> None:
    for made in (equal_heads(12, 3, bias=True, out_bias=False), grouped_heads(12, 4, 2)):
        attention = Attention(made)
        assert attention.q_proj.bias is not None
        assert (attention.o_proj.bias is None) == (made.num_heads == 3)
    names = {name for name, _ in Attention(grouped_heads(12, 4, 2, bias=False)).named_parameters()}
    assert names == {f"{part}_proj.weight" for part in "qkvo"}
    own = replace(equal_heads(12, 3), k_proj=nn.Linear(12, 12, bias=False))
    assert Attention(own).k_proj.bias is None


@pytest.mark.parametrize("rows", [2, 6])
@pytest.mark.parametrize("position_scores", [None, ByDistance()])
def test_over_a_context(rows: int, position_scores: nn.Module | None) -> None:
    """Rows in turn share a row of the context, as beams do."""
    if position_scores is not None and rows != 2:
        pytest.skip("positions have no meaning across beams")
    attention = drawn(Attention(equal_heads(12, 3, context_size=7)))
    inputs, context = states(rows, 1, 12), states(2, 4, 7)
    mask = padding_mask(torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]), torch.float32)
    repeats = rows // 2
    whole, _ = attention.over(
        inputs, context.repeat_interleave(repeats, 0), mask.repeat_interleave(repeats, 0)
    )
    shared, weights = attention.over(inputs, context, mask, output_attentions=True)
    torch.testing.assert_close(shared, whole)
    torch.testing.assert_close(attention.over(inputs, context, mask)[0], whole)
    several = states(rows, 3, 12, seed=5)
    shared_by_all, _ = attention.over(several, context, mask)
    for place in range(3):
        alone, _ = attention.over(several[:, place : place + 1], context, mask)
        torch.testing.assert_close(shared_by_all[:, place : place + 1], alone)
    assert weights.shape == (rows, 3, 1, 4)
    with torch.no_grad():
        cache = CrossAttentionCache()
        step = attention.decode_step_over(rows)
        torch.testing.assert_close(step(inputs[:, 0], context, mask, cache), whole[:, 0])
        kept = cache.tensors
        again = step(inputs[:, 0], torch.zeros_like(context), mask, cache)
    torch.testing.assert_close(again, whole[:, 0], msg="the context is read once")
    assert cache.tensors is kept


@pytest.mark.parametrize("rows", [2, 6])
def test_steps_lay_out_the_keys_that_a_prompt_left(rows: int) -> None:
    attention = drawn(Attention(equal_heads(12, 3)))
    inputs, context, cache = states(rows, 2, 12), states(2, 5, 12), CrossAttentionCache()
    with torch.no_grad():
        whole, _ = attention.over(inputs, context, cache=cache)
        left = cache.tensors
        step = attention.decode_step_over(rows)
        for place in range(2):
            found = step(inputs[:, place], context, None, cache)
            torch.testing.assert_close(found, whole[:, place])
    assert left is not None
    assert cache.tensors is not None
    assert not any(tensor.is_contiguous() for tensor in left)
    # Beams share their keys: a kernel for several queries reads them as fast from where they are.
    assert all(tensor.is_contiguous() == (rows == 2) for tensor in cache.tensors)
    for before, after in zip(left, cache.tensors, strict=True):
        assert torch.equal(before, after)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("rows", [1, 4])
def test_steps_over_a_long_context(rows: int, masked: bool) -> None:
    attention = drawn(Attention(equal_heads(12, 3)))
    length = 1500
    inputs, context, cache = states(rows, 3, 12), states(rows, length, 12), CrossAttentionCache()
    mask = None
    if masked:
        shown = torch.arange(length) < torch.arange(length, length - 100 * rows, -100)[:, None]
        mask = padding_mask(shown.long(), torch.float32)
    attention.attend = eager_attention
    expected = attention.over(inputs, context, mask)[0].detach()
    attention.attend = sdpa_attention
    with torch.no_grad():
        step = attention.decode_step_over(rows)
        for place in range(3):
            found = step(inputs[:, place], context, mask, cache)
            torch.testing.assert_close(found, expected[:, place])
        # Several queries, as those of drafted tokens, read the same keys and values.
        again, _ = attention.over(inputs, context, mask, cache=cache)
        torch.testing.assert_close(again, expected)
        assert cache.tensors is not None
        by_feature = cache.tensors[1].transpose(-1, -2).is_contiguous()
        assert by_feature == is_long_for_one(cache.tensors[0])
        cache.reorder(torch.arange(rows).flip(0))
        if rows == 1 or not masked:
            turned, _ = attention.over(inputs.flip(0), context, mask, cache=cache)
            torch.testing.assert_close(turned.flip(0), expected)


def test_keys_are_computed_before_they_are_laid_out() -> None:
    with pytest.raises(ValueError, match="nothing was computed of the context"):
        CrossAttentionCache().by_head()


def test_a_view_of_another_attention_is_refused() -> None:
    with pytest.raises(TypeError, match="KeyView is no mask that Attention understands"):
        drawn(Attention(equal_heads(12, 3)))(states(2, 5, 12), KeyView())


def test_sizes_must_fit() -> None:
    with pytest.raises(ValueError, match="multiple of 5"):
        equal_heads(12, 5)
    with pytest.raises(ValueError, match="4 attention heads are not a multiple of 3 key-value"):
        grouped_heads(12, 4, 3)
    assert Attention(equal_heads(12, 5, head_dim=3)).q_proj.out_features == 15


def test_dropout_acts_in_training_only() -> None:
    attention = drawn(Attention(equal_heads(12, 3), dropout=0.5))
    inputs = states(2, 5, 12)
    for shown in (False, True):
        attention.eval()
        assert torch.equal(
            attention(inputs, output_attentions=shown)[0],
            attention(inputs, output_attentions=shown)[0],
        )
        attention.train()
        first, second = (attention(inputs, output_attentions=shown)[0] for _ in range(2))
        assert not torch.equal(first, second)
