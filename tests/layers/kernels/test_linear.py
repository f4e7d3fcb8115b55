"""Linear layers whose weight is held transposed, as some checkpoints store it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from automodel_core.layers.kernels.cpu_products import KERNELS, runs_here
from automodel_core.layers.kernels.decode_steps import prepare_linear
from automodel_core.layers.kernels.int8 import Int8Linear
from automodel_core.layers.kernels.linear import is_plain, linear, make_contiguous, project
from support.tiny_lm import TinyForTokenClassification, drawn


def transposed(inputs: int = 32, outputs: int = 64) -> nn.Linear:
    torch.manual_seed(0)
    layer = linear(inputs, outputs)
    layer.weight = nn.Parameter(torch.randn(inputs, outputs).t())
    return layer.eval()


def rows_contiguous(layer: nn.Linear) -> nn.Linear:
    other = copy.deepcopy(layer)
    make_contiguous(other)
    return other


@pytest.mark.parametrize("rows", [1, 3, 8, 100])
def test_products_are_the_same(rows: int) -> None:
    layer, inputs = transposed(), torch.randn(rows, 32)
    expected = rows_contiguous(layer)(inputs)
    torch.testing.assert_close(layer(inputs), expected)
    with torch.no_grad():
        torch.testing.assert_close(layer(inputs), expected)
        torch.testing.assert_close(prepare_linear((layer,), rows)(inputs), expected)
        both = prepare_linear((layer, transposed(32, 16)), rows)(inputs)
        torch.testing.assert_close(both[:, :64], expected)
        torch.testing.assert_close(both[:, 64:], transposed(32, 16)(inputs))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("rows", [1, 8])
def test_every_kernel_takes_them(name: str, rows: int) -> None:
    if not runs_here(KERNELS[name]):
        pytest.skip(f"this build of torch has no {name}")
    layer, inputs = transposed(), torch.randn(rows, 32)
    with torch.no_grad():
        product = KERNELS[name](layer.weight, layer.bias, rows)
        torch.testing.assert_close(product(inputs), rows_contiguous(layer)(inputs))


@pytest.mark.parametrize("wanted", [lambda m: m.train(), lambda m: m.state_dict()])
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_training_and_state_have_contiguous_rows(wanted: Callable[[Any], Any], mode: Any) -> None:
    model = drawn(TinyForTokenClassification)
    layer = model.classifier
    layer.weight = nn.Parameter(layer.weight.detach().t().contiguous().t())
    weight, values = layer.weight, layer.weight.detach().clone()
    model = nn.Sequential(model).eval()
    assert not weight.is_contiguous()
    with mode():
        wanted(model)
    assert layer.weight is weight
    assert weight.is_contiguous()
    assert torch.equal(weight, values)
    layer(torch.randn(2, layer.in_features)).sum().backward()


def test_a_layer_of_inference_mode_is_made_contiguous() -> None:
    with torch.inference_mode():
        layer = transposed()
    make_contiguous(layer)
    assert layer.weight.is_contiguous()


def test_a_layer_is_torchs_own_and_bypassed_only_where_nobody_looks() -> None:
    layer, inputs = linear(32, 64), torch.randn(2, 32)
    assert type(layer) is nn.Linear
    assert is_plain(layer)
    calls: list[int] = []
    hook = layer.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        expected = project(layer, inputs)
    assert calls == [1]
    assert not is_plain(layer)
    hook.remove()
    layer.forward = lambda given: torch.zeros(2, 64)
    with torch.no_grad():
        assert not project(layer, inputs).any()
    del layer.forward
    with torch.no_grad():
        torch.testing.assert_close(project(layer, inputs), expected)
    layer.weight = nn.Parameter(layer.weight.detach().as_subclass(Other))
    assert not is_plain(layer)


class Other(torch.Tensor):
    """A tensor with products of its own."""


def test_copies_and_pickles_hold_the_same_values() -> None:
    layer = transposed()
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(again.weight, layer.weight)


@pytest.mark.parametrize("optimiser", [torch.optim.AdamW, torch.optim.SGD, torch.optim.LBFGS])
def test_optimisers_step_alike(optimiser: Any) -> None:
    torch.manual_seed(1)
    inputs, results = torch.randn(4, 8), []
    for held in (lambda weight: weight, lambda weight: weight.t().contiguous().t()):
        model = drawn(TinyForTokenClassification)
        layer = model.classifier
        layer.weight = nn.Parameter(held(layer.weight.detach()))
        model.train()
        steps = optimiser(layer.parameters(), lr=0.1)

        def loss(layer: nn.Linear = layer, steps: Any = steps) -> Any:
            steps.zero_grad()
            value = layer(inputs).square().mean()
            value.backward()
            return value

        steps.step(loss)
        results.append(layer.weight.detach())
    torch.testing.assert_close(*results)


def test_eight_bits_are_stored_in_rows() -> None:
    layer = transposed()
    quantised = Int8Linear.of(layer)
    assert quantised.weight.is_contiguous()
    assert torch.equal(quantised.weight, Int8Linear.of(rows_contiguous(layer)).weight)
