"""Prepared linear layers: the same numbers, kept while the weights are the same."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from automodel_core.layers import prepared
from automodel_core.layers.cache import Cache
from automodel_core.layers.linear import Embedding, Linear
from automodel_core.layers.prepared import (
    KERNELS,
    checksum,
    prepare_linear,
    prepare_norm,
    runs_here,
    score_tokens,
)


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("rows", [1, 2, 8, 33])
@pytest.mark.parametrize("bias", [True, False])
def test_kernels_multiply(kernel: str, rows: int, bias: bool) -> None:
    if not runs_here(KERNELS[kernel]):
        pytest.skip(f"this build of torch has no {kernel} kernel")
    linear = nn.Linear(7, 13, bias=bias)
    inputs = torch.randn(rows, 7)
    with torch.no_grad():
        product = KERNELS[kernel](linear.weight, linear.bias, rows)
        torch.testing.assert_close(product(inputs), linear(inputs))


@pytest.mark.parametrize("rows", [1, 2, 8, 33])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16(monkeypatch, rows: int, bias: bool, fast: bool) -> None:
    monkeypatch.setattr(prepared, "has_fast_bfloat16", lambda: fast)
    linear = Linear(32, 13, bias=bias).bfloat16()
    inputs = torch.randn(rows, 32).bfloat16()
    with torch.no_grad():
        product = prepare_linear((linear,), rows)
        assert (product is linear) != fast
        torch.testing.assert_close(product(inputs), linear(inputs))


def test_what_a_cpu_says_of_itself(monkeypatch) -> None:
    for facts, fast in (({"avx512_bf16", "avx2"}, True), ({"avx2"}, False), (set(), False)):
        monkeypatch.setattr(prepared, "cpu_facts", lambda facts=facts: frozenset(facts))
        assert prepared.has_fast_bfloat16() == fast
        assert not prepared.has_intel_cpu()
    monkeypatch.setattr(prepared, "cpu_facts", lambda: frozenset({"GenuineIntel"}))
    assert prepared.has_intel_cpu()


def test_a_kernel_that_fails_does_not_run_here() -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("no such operator")

    assert not runs_here(broken)
    assert not runs_here(lambda weight, bias, rows: lambda inputs: inputs)


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


@pytest.mark.parametrize("kind", [nn.LayerNorm, nn.GroupNorm])
def test_norms(kind: type) -> None:
    norm = nn.LayerNorm(6) if kind is nn.LayerNorm else nn.GroupNorm(2, 6)
    inputs = torch.randn(3, 6)
    torch.testing.assert_close(prepare_norm(norm)(inputs), norm(inputs))
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
    assert prepared.MOST_ROWS > prepared.TYPICAL_ROWS
