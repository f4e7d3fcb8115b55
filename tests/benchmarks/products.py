"""A floor for a forward: its matrix products alone, each by the fastest routine at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from automodel_core.layers.kernels.cpu_products import KERNELS, product, runs_here

__all__ = ["floor"]

Run = Callable[[], object]
Sizes = tuple[Any, ...]
TRIES = 3

aten = torch.ops.aten
WITH_WEIGHTS = {aten.mm.default: 0, aten.addmm.default: 1}
"""Products of states with weights, and which argument the states are."""
OF_STATES = {aten.bmm.default: 0, aten.baddbmm.default: 1}


class Recorder(TorchDispatchMode):
    """Notes the sizes of all products and convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Sizes]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        for kind, places in (("weights", WITH_WEIGHTS), ("states", OF_STATES)):
            if func in places:
                first, second = args[places[func] : places[func] + 2]
                self.calls.append((kind, (*first.shape, second.shape[-1])))
        if func is aten.convolution.default:
            states, weight, _, *settings = args
            self.calls.append(("convolution", (states.shape, weight.shape, settings)))
        return func(*args, **(kwargs or {}))


def floor(model: nn.Module, inputs: Mapping[str, Tensor]) -> Run:
    """Return what does the products of a forward of ``model``, whose attention must be eager."""
    with torch.no_grad(), Recorder() as recorder:
        model(**inputs)
    fastest: dict[tuple[str, str], str] = {}
    runs = []
    for kind, sizes in recorder.calls:
        candidates = CANDIDATES[kind](*sizes)
        key = (kind, str(sizes))
        if key not in fastest:
            fastest[key] = min(candidates, key=lambda name, runs=candidates: seconds(runs[name]))
        runs.append(candidates[fastest[key]])

    @torch.inference_mode()
    def once() -> None:
        for run in runs:
            run()

    return once


def seconds(run: Run) -> float:
    """Return the least time of a few tries."""
    times = []
    for _ in range(TRIES + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def with_weights(rows: int, inner: int, outputs: int) -> dict[str, Run]:
    """Return the ways to multiply ``(rows, inner)`` states by new weights, by name."""
    states, weight = torch.randn(rows, inner), nn.Parameter(torch.randn(outputs, inner))
    kernels = {n: k(weight.detach(), None, rows) for n, k in KERNELS.items() if runs_here(k)}
    ways: dict[str, Run] = {n: lambda run=run: run(states) for n, run in kernels.items()}

    @torch.inference_mode()
    def ours() -> Tensor:
        return product(states, weight, None)

    return {**ways, "product": ours}


def of_states(batch: int, rows: int, inner: int, outputs: int) -> dict[str, Run]:
    """Return the way to multiply as many matrices as attention has heads, and rows a batch."""
    first, second = torch.randn(batch, rows, inner), torch.randn(batch, inner, outputs)
    return {"bmm": lambda: torch.bmm(first, second)}


def convolution(states: Sizes, weight: Sizes, settings: Sequence[Any]) -> dict[str, Run]:
    """Return the ways to convolve, with channels in their place or last."""
    given, kernel = torch.randn(states), torch.randn(weight)
    ways = {"plain": (given, kernel)}
    if given.dim() == 4:
        last = torch.channels_last
        ways["channels last"] = given.to(memory_format=last), kernel.to(memory_format=last)
    return {
        name: lambda pair=pair: aten.convolution(*pair, None, *settings)
        for name, pair in ways.items()
    }


CANDIDATES: dict[str, Callable[..., dict[str, Run]]] = {
    "weights": with_weights,
    "states": of_states,
    "convolution": convolution,
}
