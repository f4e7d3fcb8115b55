"""Prepared layers: the same numbers, kept while the weights are the same."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.decode_steps import (
    checksum,
    prepare_linear,
    prepare_norm,
    score_tokens,
)
from automodel_core.layers.kernels.linear import Embedding, Linear
from automodel_core.layers.kernels.norms import RMSNorm


@pytest.mark.parametrize("biases", [(True, True), (False, False), (True, False)])
@pytest.mark.parametrize("rows", [1, 5, 100])
def test_several_layers_side_by_side(biases: tuple[bool, bool], rows: int) -> None:
    first, second = (Linear(6, size, bias=b) for size, b in zip((4, 9), biases, strict=True))
    inputs = torch.randn(rows, 6)
    with torch.no_grad():
        expected = torch.cat([first(inputs), second(inputs)], dim=-1)
        torch.testing.assert_close(prepare_linear((first, second), rows)(inputs), expected)


def test_packed_weights_are_kept_and_let_go() -> None:
    linear = Linear(6, 4)
    first = prepare_linear((linear,), 2)
    assert prepare_linear((linear,), 2) is first
    assert prepare_linear((linear,), 3) is not first
    with torch.no_grad():
        linear.weight[0, 0] += 1
    changed = prepare_linear((linear,), 3)
    torch.testing.assert_close(changed(torch.ones(3, 6)), linear(torch.ones(3, 6)))
    alive = weakref.ref(linear)
    del linear, first, changed
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("shape", [(5, 3), (16, 16), (700, 300), (601, 499)])
@pytest.mark.parametrize("offset", [0, 1])
def test_checksums_see_every_change(shape: tuple[int, int], offset: int) -> None:
    def placed(values: torch.Tensor) -> torch.Tensor:
        room = torch.empty(shape[0] * shape[1] + offset)
        return room[offset:].view(shape).copy_(values)

    weight = placed(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    seen = {checksum(weight)}
    assert seen == {checksum(placed(weight))}
    changes = [weight.flip(0), weight.roll(1, 0), -weight, weight * 2, weight + 1e-4]
    if weight.numel() < 1000:
        changes += [weight.flip(1), weight.roll(1, 1)]
    seen.update(checksum(placed(change)) for change in changes)
    assert len(seen) == len(changes) + 1
    for place in range(0, weight.numel(), 97):
        changed = placed(weight)
        changed.view(-1).view(torch.int32)[place] ^= 1
        assert checksum(changed) not in seen


@pytest.mark.parametrize("dtype", [torch.int8, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("count", [96, 97])
def test_checksums_of_other_types(dtype: torch.dtype, count: int) -> None:
    weight = torch.arange(count).to(dtype)
    seen = {checksum(weight)}
    for place in range(0, count, 7):
        changed = weight.clone()
        changed[place] += 1
        assert checksum(changed) not in seen
        seen.add(checksum(changed))
    assert checksum(weight.clone()) == checksum(weight)


def test_ones_and_zeros_in_another_order() -> None:
    weight = torch.zeros(64, 64)
    weight[:10] = 1
    sums = {checksum(weight.roll(shift, 0)) for shift in range(64)}
    assert len(sums) == 64


@pytest.mark.parametrize("norm", [nn.LayerNorm(6), nn.GroupNorm(2, 6), RMSNorm(6, 1e-2)], ids=str)
def test_norms(norm: nn.Module) -> None:
    inputs = torch.randn(3, 6)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.normal_()
        prepared = prepare_norm(norm)
        assert prepared is not norm or type(norm) is nn.GroupNorm
        for given in (inputs, inputs * 1e-3, inputs * 0, inputs.bfloat16().float()):
            torch.testing.assert_close(prepared(given), norm(given), rtol=1e-6, atol=1e-6)
        if type(norm) is RMSNorm:
            torch.testing.assert_close(prepared(inputs.bfloat16()), norm(inputs.bfloat16()))
    calls: list[int] = []
    norm.register_forward_hook(lambda *_: calls.append(1))
    prepare_norm(norm)(inputs)
    assert calls == [1]


def test_scores_are_prepared_in_a_decoding_loop_only() -> None:
    linear = Linear(6, 9)
    one, many = torch.randn(2, 1, 6), torch.randn(2, 3, 6)
    with torch.no_grad():
        for cache in (None, Cache(), Cache(decoding=True)):
            for given in (one, many):
                torch.testing.assert_close(score_tokens(linear, given, cache), linear(given))
        assert cache.memo
    assert score_tokens(linear, one, Cache(decoding=True)).requires_grad


def test_layers_draw_nothing_without_memory() -> None:
    state = torch.random.get_rng_state()
    with torch.device("meta"):
        Linear(1000, 1000)
        Embedding(1000, 1000)
    assert torch.equal(torch.random.get_rng_state(), state)
    linear = Linear(4, 4)
    assert bool((linear.weight != 0).any())
