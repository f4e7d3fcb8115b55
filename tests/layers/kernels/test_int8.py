"""Weights of eight bits: how far they are from the numbers they stand for, in every way to run."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels import int8
from automodel_core.layers.kernels.decode_steps import prepare_linear
from automodel_core.layers.kernels.int8 import Int8DynamicLinear, Int8Linear
from automodel_core.layers.kernels.linear import Linear

KINDS = [Int8Linear, Int8DynamicLinear]
ROWS = [1, 2, 8, 9, 70]


def layer(inputs: int = 64, outputs: int = 48, *, bias: bool = True, seed: int = 0) -> nn.Linear:
    made = Linear(inputs, outputs, bias=bias)
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.3, generator=chance)
        made.weight[1] *= 100
        made.weight[2] = 0
    return made


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def error(found: Tensor, expected: Tensor) -> float:
    """Return the size of the error against that of the numbers, without the largest columns."""
    return float((found - expected)[..., 3:].norm() / expected[..., 3:].norm())


@pytest.mark.parametrize("inputs", [64, 15])
def test_weights_are_rounded_row_by_row(inputs: int) -> None:
    linear = layer(inputs)
    made = Int8Linear.of(linear)
    stands_for = made.weight.float() * made.scale.float()[:, None]
    assert made.weight.dtype == torch.int8
    assert made.weight.abs().amax(1).tolist() == [127, 127, 0] + [127] * 45
    # Half a step, and what is beyond 127 steps of a scale that was rounded down.
    assert bool(((stands_for - linear.weight).abs() <= 0.8 * made.scale.float()[:, None]).all())
    assert stands_for[2].eq(0).all()


@pytest.mark.parametrize("fast", [True, False], ids=["bfloat16", "single"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("inputs", [64, 15])
def test_only_weights_are_rounded(monkeypatch, inputs, rows, bias, fast) -> None:
    monkeypatch.setattr(int8, "has_fast_bfloat16", lambda: fast)
    made = Int8Linear.of(layer(inputs, bias=bias))
    states = drawn(rows, inputs)
    weight = made.weight.float() * made.scale.float()[:, None]
    expected = F.linear(states, weight, made.bias)
    with torch.no_grad():
        for found in (made(states), made(states[None])[0], prepare_linear((made,), rows)(states)):
            assert found.dtype == states.dtype
            assert error(found, expected) < 0.005


@pytest.mark.parametrize("rows", ROWS)
def test_inputs_are_rounded_row_by_row(rows: int) -> None:
    linear = layer()
    made = Int8DynamicLinear.of(linear)
    states = drawn(rows, 64)
    states[0] *= 1000
    states[-1, 3] = 0
    expected = linear(states)
    with torch.no_grad():
        for found in (made(states), prepare_linear((made,), rows)(states)):
            for mine, theirs in zip(found, expected, strict=True):
                assert error(mine, theirs) < 0.03
        assert torch.equal(made(torch.zeros(3, 64)), made.bias.expand(3, -1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_does_not_depend_on_the_others(kind: type) -> None:
    made = kind.of(layer())
    states = drawn(5, 64) * torch.tensor([1.0, 1e3, 1e-3, 1.0, 30.0])[:, None]
    with torch.no_grad():
        together = made(states)
        for row, found in zip(states, together, strict=True):
            alone = made(row[None])[0]
            assert error(found, alone) < 0.04


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", ROWS)
def test_results_have_the_precision_of_the_inputs(kind, rows, dtype) -> None:
    linear = layer().to(dtype)
    made, states = kind.of(linear), drawn(rows, 64).to(dtype)
    with torch.no_grad():
        for found in (made(states), prepare_linear((made,), rows)(states)):
            assert found.dtype == dtype
            assert error(found, linear(states)) < 0.03


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("biases", [(True, True), (False, False), (True, False)])
@pytest.mark.parametrize("rows", ROWS)
def test_several_layers_side_by_side(kind, biases, rows) -> None:
    layers = [layer(outputs=n, bias=b) for n, b in zip((48, 5), biases, strict=True)]
    made, states = [kind.of(one) for one in layers], drawn(rows, 64)
    with torch.no_grad():
        joined = prepare_linear(tuple(made), rows)(states)
        expected = torch.cat([one(states) for one in made], dim=-1)
        torch.testing.assert_close(joined, expected, rtol=0.02, atol=0.02)
        mixed = prepare_linear((made[0], layers[1]), rows)(states)
        torch.testing.assert_close(mixed[:, 48:], layers[1](states))


@pytest.mark.parametrize("kind", KINDS)
def test_changed_and_watched_layers_are_asked_again(kind) -> None:
    made, states = kind.of(layer()), drawn(2, 64)
    with torch.no_grad():
        before = prepare_linear((made,), 2)
        assert prepare_linear((made,), 2) is before
        made.bias += 1
        changed = prepare_linear((made,), 2)
        torch.testing.assert_close(changed(states), made(states))
        calls: list[int] = []
        made.register_forward_hook(lambda *_: calls.append(1))
        prepare_linear((made,), 2)(states)
    assert calls == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_copies_give_the_same(kind) -> None:
    made, states = kind.of(layer()), drawn(3, 64)
    with torch.no_grad():
        for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert torch.equal(twin(states), made(states))


def test_gradients_reach_what_came_before() -> None:
    made, states = Int8Linear.of(layer()), drawn(3, 64).requires_grad_()
    made(states).sum().backward()
    expected = (made.weight.float() * made.scale.float()[:, None]).sum(0)
    torch.testing.assert_close(states.grad[0], expected, rtol=0.05, atol=0.05 * expected.std())
    assert not any(parameter.requires_grad for parameter in made.parameters())
    with pytest.raises(ValueError, match=r"torch\.no_grad\(\)"):
        Int8DynamicLinear.of(layer())(states)


def test_where_torch_lacks_the_products(monkeypatch) -> None:
    made, states = Int8Linear.of(layer()), drawn(3, 64)
    expected = made(states)
    monkeypatch.setattr(int8, "_has_product_of_bytes", lambda: False)
    torch.testing.assert_close(made(states), expected, rtol=0.02, atol=0.1)
    torch.testing.assert_close(prepare_linear((made,), 3)(states), expected, rtol=0.02, atol=0.1)
    monkeypatch.setattr(int8, "_has_product_of_whole_numbers", lambda: False)
    with pytest.raises(ValueError, match="hold weights as 'int8'"):
        Int8DynamicLinear.of(layer())


def test_packed_weights_stay_where_they_are() -> None:
    made = Int8DynamicLinear.of(layer())
    assert made.to(torch.float64).bias.dtype == torch.float64
    with pytest.raises(ValueError, match="stay on the CPU"):
        made.to("meta")
    with pytest.raises(ValueError, match="need a CPU"):
        Int8DynamicLinear(torch.empty(3, 4, dtype=torch.int8, device="meta"), torch.ones(3))


def test_layers_show_their_size() -> None:
    for kind in KINDS:
        assert "in_features=64, out_features=48" in repr(nn.Sequential(kind.of(layer())))
