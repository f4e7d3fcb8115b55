"""Products with weights: the same numbers by every kernel, and the right one for a CPU."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from automodel_core.layers.activations import ACTIVATIONS, activation
from automodel_core.layers.kernels import cpu_products as products
from automodel_core.layers.kernels.cpu_products import KERNELS, kernel_for, runs_here
from automodel_core.layers.kernels.decode_steps import prepare_linear
from automodel_core.layers.kernels.linear import linear, project


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("rows", [1, 2, 8, 33])
@pytest.mark.parametrize("outputs", [1, 13, 24, 64, 1009])
@pytest.mark.parametrize("bias", [True, False])
def test_kernels_multiply(kernel: str, rows: int, outputs: int, bias: bool) -> None:
    if not runs_here(KERNELS[kernel]):
        pytest.skip(f"this build of torch has no {kernel} kernel")
    linear = nn.Linear(7, outputs, bias=bias)
    inputs = torch.randn(rows, 7)
    with torch.no_grad():
        product = KERNELS[kernel](linear.weight, linear.bias, rows)
        torch.testing.assert_close(product(inputs), linear(inputs))


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
@pytest.mark.parametrize("outputs", [7, 61, 256, 1009])
def test_blocks_are_cut_for_any_number_of_threads(monkeypatch, threads: int, outputs: int) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    weight, bias, row = torch.randn(outputs, 5), torch.randn(outputs), torch.randn(1, 5)
    product = KERNELS["blocks"](weight, bias, 1)
    torch.testing.assert_close(product(row), F.linear(row, weight, bias))


@pytest.mark.parametrize(
    ("threads", "outputs", "blocks"), [(1, 64, 8), (1, 51865, 8), (2, 51865, 16), (3, 12, 12)]
)
def test_no_product_is_of_a_single_block(
    monkeypatch, threads: int, outputs: int, blocks: int
) -> None:
    """An odd vocabulary is cut into blocks too, and multiplies what is left over by itself."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert products._blocks(outputs) == blocks


@pytest.mark.parametrize("rows", [1, 2, 8, 33])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16(monkeypatch, rows: int, bias: bool, fast: bool) -> None:
    monkeypatch.setattr(products, "has_fast_bfloat16", lambda: fast)
    layer = linear(32, 13, bias=bias).bfloat16()
    inputs = torch.randn(rows, 32).bfloat16()
    with torch.no_grad():
        product = prepare_linear((layer,), rows)
        assert (product is layer) != fast
        torch.testing.assert_close(product(inputs), layer(inputs))


def test_what_a_cpu_says_of_itself(monkeypatch) -> None:
    for facts, fast in (({"avx512_bf16", "avx2"}, True), ({"avx2"}, False), (set(), False)):
        monkeypatch.setattr(products, "cpu_facts", lambda facts=facts: frozenset(facts))
        assert products.has_fast_bfloat16() == fast
        assert not products.has_intel_cpu()
    monkeypatch.setattr(products, "cpu_facts", lambda: frozenset({"GenuineIntel"}))
    assert products.has_intel_cpu()


def test_a_kernel_that_fails_does_not_run_here() -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("no such operator")

    assert not runs_here(broken)
    assert not runs_here(lambda weight, bias, rows: lambda inputs: inputs)


def test_the_kernel_is_chosen_by_maker_and_rows(monkeypatch) -> None:
    monkeypatch.delenv("AUTOMODEL_LINEAR_KERNEL", raising=False)
    monkeypatch.setattr(products, "runs_here", lambda *_: True)
    small, large = torch.ones(64, 64), torch.empty(4096, 4096)
    by_maker = {
        "AuthenticAMD": ["blocks", "onednn", "blocks", "onednn"],
        "GenuineIntel": ["mkl"] * 4,
    }
    for maker, chosen in by_maker.items():
        monkeypatch.setattr(products, "cpu_facts", lambda maker=maker: frozenset({maker}))
        monkeypatch.setattr(products, "MKL_IS_SLOW", maker == "AuthenticAMD")
        cases = [(small, 1), (small, 2), (large, 1), (large, 2)]
        assert [kernel_for(*case) for case in cases] == [KERNELS[name] for name in chosen]
    assert kernel_for(small, 1000) is KERNELS["plain"]
    assert kernel_for(small.double(), 1) is KERNELS["plain"]


def test_a_kernel_may_be_named(monkeypatch) -> None:
    for name, kernel in KERNELS.items():
        monkeypatch.setenv("AUTOMODEL_LINEAR_KERNEL", name)
        if runs_here(kernel):
            assert kernel_for(torch.ones(64, 64), 2) is kernel
    monkeypatch.setenv("AUTOMODEL_LINEAR_KERNEL", "quantum")
    with pytest.raises(ValueError, match=r"quantum.*plain"):
        kernel_for(torch.ones(64, 64), 2)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return the calls of the general routine, on a CPU for which it is slow."""
    if not runs_here(KERNELS["onednn"]):
        pytest.skip("this build of torch has no oneDNN")
    monkeypatch.setattr(products, "MKL_IS_SLOW", True)
    calls: list[bool] = []

    def general(*given: Tensor) -> Tensor:
        calls.append(True)
        return torch.ops.aten.linear(*given)

    monkeypatch.setattr(F, "linear", general)
    return calls


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(64, 256), (4, 16, 256)], ids=str)
def test_layers_multiply_large_matrices_by_onednn(
    seen: list[bool], bias: bool, shape: tuple[int, ...]
) -> None:
    layer, inputs = linear(256, 128, bias=bias), torch.randn(shape)
    expected = torch.ops.aten.linear(inputs, layer.weight, layer.bias)
    with torch.no_grad():
        torch.testing.assert_close(project(layer, inputs), expected)
    with torch.inference_mode():
        torch.testing.assert_close(project(layer, inputs), expected)
        torch.testing.assert_close(
            project(layer, inputs.transpose(0, -2)), expected.transpose(0, -2)
        )
    assert not seen


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_come_with_the_product(seen: list[bool], name: str) -> None:
    layer, inputs, act = linear(256, 128), 3 * torch.randn(64, 256), activation(name)
    expected = act(torch.ops.aten.linear(inputs, layer.weight, layer.bias))
    with torch.inference_mode():
        torch.testing.assert_close(project(layer, inputs, act), expected)
        assert not seen
        torch.testing.assert_close(project(layer, inputs[:1], act), expected[:1])
        torch.testing.assert_close(project(nn.Identity(), inputs, act), act(inputs))
    project(layer, inputs, act).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize("name", ["gelu", "gelu_new", "quick_gelu", "relu", "silu", "tanh"])
def test_products_of_nothing_a_number_stay_so(seen: list[bool], name: str) -> None:
    layer, inputs = linear(256, 128), torch.randn(64, 256)
    inputs[3] = torch.nan
    with torch.no_grad():
        found = project(layer, inputs, activation(name)).isnan()
    assert torch.equal(found.all(dim=1).nonzero().flatten(), torch.tensor([3]))
    assert found.any(dim=1).sum() == 1


@pytest.mark.parametrize("shape", [(577, 64), (1, 578, 64), (577, 1, 64)], ids=str)
@pytest.mark.parametrize("name", ["gelu", "quick_gelu"])
def test_rows_that_onednn_is_slow_at(seen: list[bool], shape: tuple[int, ...], name: str) -> None:
    layer, inputs, act = linear(64, 128), torch.randn(shape), activation(name)
    expected = act(torch.ops.aten.linear(inputs, layer.weight, layer.bias))
    with torch.inference_mode():
        torch.testing.assert_close(project(layer, inputs, act), expected)
        torch.testing.assert_close(project(layer, inputs), layer(inputs))
    assert len(seen) == 1


def test_the_rest_goes_the_general_way(seen: list[bool]) -> None:
    layer, inputs = linear(256, 128), torch.randn(64, 256)
    project(layer, inputs).sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        project(layer, inputs[:1])
        with torch.autocast("cpu"):
            assert project(layer, inputs).dtype == torch.bfloat16
        project(layer.double(), inputs.double())
        project(layer.to("meta"), inputs.to("meta"))
    assert len(seen) == 5


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_tangents_come_through(seen: list[bool]) -> None:
    layer, inputs = linear(256, 128, bias=False), torch.randn(64, 256)
    with torch.no_grad(), forward_ad.dual_level():
        dual = project(layer, forward_ad.make_dual(inputs, 2 * inputs))
        states, tangents = forward_ad.unpack_dual(dual)
        torch.testing.assert_close(tangents, 2 * states)


@pytest.mark.parametrize("outputs", [3, 64, 1009])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("shape", "few"), [((1, 1), True), ((4, 1), True), ((2, 0), True), ((9, 9), False)], ids=str
)
def test_a_graph_multiplies_few_rows_by_blocks(
    monkeypatch, outputs: int, bias: bool, shape: tuple[int, int], few: bool
) -> None:
    monkeypatch.setattr(products, "MKL_IS_SLOW", True)
    called = graph_of(linear(32, outputs, bias=bias), torch.randn(*shape, 32))
    assert (torch.bmm in called) == (few and outputs >= products.GRAPH_BLOCKS)


def test_a_graph_leaves_alone_what_is_no_plain_tensor(monkeypatch) -> None:
    monkeypatch.setattr(products, "MKL_IS_SLOW", True)
    row = torch.randn(1, 1, 32)
    transposed = linear(32, 64)
    transposed.weight = nn.Parameter(torch.randn(32, 64).t())
    assert torch.bmm not in graph_of(transposed, row)
    assert torch.bmm not in graph_of(linear(32, 64).double(), row.double())
    assert torch.bmm not in graph_of(linear(32, 64), row, dynamic=True)
    with torch.autocast("cpu"):
        assert torch.bmm not in graph_of(linear(32, 64), row)
    monkeypatch.setattr(products, "MKL_IS_SLOW", False)
    assert torch.bmm not in graph_of(linear(32, 64), row)


def graph_of(layer: nn.Linear, inputs: Tensor, *, dynamic: bool = False) -> list[object]:
    """Return the operations of a compiled layer, and raise where its outputs are others."""
    called: list[object] = []

    def backend(graph, _):
        called.extend(node.target for node in graph.graph.nodes)
        return graph.forward

    if dynamic:
        torch._dynamo.mark_dynamic(inputs := inputs.repeat(3, 1, 1), 0)
    torch._dynamo.reset()
    with torch.no_grad():
        compiled = torch.compile(project, backend=backend, fullgraph=True)
        torch.testing.assert_close(compiled(layer, inputs), layer(inputs), rtol=1e-4, atol=1e-5)
    return called
