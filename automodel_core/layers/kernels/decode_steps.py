"""Layers prepared for decoding: few rows at a time, the same weights again and again.

Weights are kept in the layout that their product reads the fastest, if that is another than the
model's. The copy stays beside the layer for the next sequence and is made anew when the layer's
weights have changed.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.cpu_products import (
    COPYING,
    TensorFunction,
    blocks_kernel,
    fast_product,
    gains,
    kernel_for,
)
from automodel_core.layers.kernels.fresh_memory import joined
from automodel_core.layers.kernels.linear import (
    QuantisedLinear,
    has_hooks,
    is_plain,
    make_contiguous,
    project,
)
from automodel_core.layers.kernels.norms import RMSNorm

__all__ = [
    "kept",
    "may_prepare",
    "own_step",
    "prepare_linear",
    "prepare_norm",
    "score_tokens",
    "weight_version",
]

T = TypeVar("T")

WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
LARGE = 1 << 16
BLOCK = 251
"""Words that a checksum adds up as one; fewer than a row of a large matrix has."""


def own_step(part: object, rows: int, name: str = "decode_step") -> Any:
    """Return the decode step that the class of a part defines itself, or ``None``."""
    return getattr(part, name)(rows) if name in vars(type(part)) else None


def checksum(weight: Tensor) -> int:
    """Return a number that any changed bit changes, and any other order of rows, at memory speed.

    Large tensors are summed in blocks, whose sums count by their place; in small ones each word
    does.
    """
    weight = weight.detach()
    held_transposed = weight.dim() == 2 and not weight.is_contiguous()
    flat = (weight.t() if held_transposed else weight).reshape(-1)
    size = flat.element_size()
    whole = flat.numel() * size % 8 == 0 and flat.storage_offset() * size % 8 == 0
    words = flat.view(torch.int64 if whole else WORDS[size])
    if len(words) > LARGE:
        end = len(words) // BLOCK * BLOCK
        words = torch.cat([words[:end].view(-1, BLOCK).sum(1), words[end:]])
    return int((words * odd_numbers(len(words))).sum())


@functools.lru_cache(maxsize=32)
def odd_numbers(count: int) -> Tensor:
    """Return different odd numbers without a pattern: a product with one loses no bit."""
    products = torch.arange(1, count + 1) * 0x2545F4914F6CDD1D
    return (products ^ (products >> 29)) | 1


def version(parameter: Tensor) -> int:
    """Return how often a tensor was written to in place, as far as torch counts it."""
    return 0 if parameter.is_inference() else parameter._version


def weight_version(weight: Tensor) -> tuple[object, ...]:
    """Return what is equal as long as a weight is the same: where it is, and its numbers."""
    place = weight.data_ptr(), weight.shape, weight.stride()
    return *place, version(weight), checksum(weight)


_prepared: WeakKeyDictionary[nn.Module, dict[Hashable, Any]] = WeakKeyDictionary()
_lock = threading.Lock()


def prepare_linear(linears: tuple[nn.Module, ...], rows: int) -> TensorFunction:
    """Return a function from ``(rows, in)`` to the outputs side by side, ``(rows, sum of out)``.

    Layers that are more than a weight and a bias, and no `QuantisedLinear`, are called as they are:
    adapters, and those with hooks.
    """
    plain = tuple(n for n in linears if is_plain(n) and gains(n.weight, rows))
    if len(plain) == len(linears):
        if len(plain) == 1 and (kernel := kernel_for(plain[0].weight, rows)) not in COPYING:
            if kernel is blocks_kernel:
                make_contiguous(plain[0])
            return fast_product(plain[0].weight, plain[0].bias, rows)
        return _kept(plain, rows, lambda: _joined(plain, rows))
    fewer_bits = [n for n in linears if isinstance(n, QuantisedLinear) and not has_hooks(n)]
    kinds = {type(linear) for linear in fewer_bits}
    if len(fewer_bits) == len(linears) and len(kinds) == 1:
        return _kept(linears, rows, lambda: kinds.pop().prepare(fewer_bits, rows))
    if len(linears) == 1:
        return linears[0]
    return lambda inputs: torch.cat([linear(inputs) for linear in linears], dim=-1)


def _kept(
    linears: tuple[nn.Module, ...], rows: int, pack: Callable[[], TensorFunction]
) -> TensorFunction:
    """Return what ``pack`` makes, or made before from the same weights."""
    tensors = [
        t for n in linears for t in (*n._parameters.values(), *n._buffers.values()) if t is not None
    ]
    key = (rows, len(linears), *map(weight_version, tensors))
    return kept(linears[0], key, pack)


def kept(owner: nn.Module, key: Hashable, make: Callable[[], T]) -> T:
    """Return what ``make`` computes from weights, or computed before under the same ``key``.

    The key has the `weight_version` of each weight; one result stays, as long as its ``owner``.
    """
    with _lock:
        known: T | None = _prepared.get(owner, {}).get(key)
    if known is None:
        with torch.no_grad():
            known = make()
        with _lock:
            _prepared[owner] = {key: known}
    return known


def _joined(linears: tuple[nn.Linear, ...], rows: int) -> TensorFunction:
    first, *others = linears
    weight = _stacked([linear.weight.detach() for linear in linears]) if others else first.weight
    bias = None
    if any(linear.bias is not None for linear in linears):
        bias = torch.cat(
            [weight.new_zeros(len(n.weight)) if n.bias is None else n.bias for n in linears]
        )
    return fast_product(weight, bias, rows)


def _stacked(weights: list[Tensor]) -> Tensor:
    """Return weights one below another, transposed in memory if all of them are."""
    if any(weight.is_contiguous() for weight in weights):
        return joined(weights)
    return joined([weight.t() for weight in weights], dim=1).t()


def prepare_norm(norm: nn.Module) -> TensorFunction:
    """Return a normalisation as a function, in fewer operations or without a module call."""
    if type(norm) is nn.LayerNorm and not has_hooks(norm):
        shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
        return lambda inputs: F.layer_norm(inputs, shape, weight, bias, eps)
    if type(norm) is RMSNorm and norm.weight.device.type == "cpu" and not has_hooks(norm):
        return _rms_norm_by_length(norm)
    return norm


def _rms_norm_by_length(norm: RMSNorm) -> TensorFunction:
    """Return the same norm with the root mean square as a vector's length: half the operations."""
    weight, size, length = norm.weight.detach(), norm.weight.numel(), torch.linalg.vector_norm
    gain, least = weight * math.sqrt(size), weight.new_tensor(math.sqrt(size * norm.eps))

    def run(inputs: Tensor) -> Tensor:
        if inputs.dtype != torch.float32 or weight.dtype != torch.float32:
            normed: Tensor = norm(inputs)
            return normed
        return inputs / torch.hypot(length(inputs, dim=-1, keepdim=True), least) * gain

    return run


def may_prepare(hidden_states: Tensor, cache: Cache) -> bool:
    """Return whether prepared layers may stand in: in a decoding loop, in the states' precision."""
    return (
        cache.decoding
        and hidden_states.dtype != torch.float16
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled(hidden_states.device.type)
        and not torch.compiler.is_compiling()
    )


def score_tokens(output_layer: nn.Module, hidden_states: Tensor, cache: Cache | None) -> Tensor:
    """Return an output layer's scores of ``(batch, length, hidden_size)``.

    In a decoding loop the layer is prepared once a sequence.
    """
    rows, length, _ = hidden_states.shape
    if cache is None or not may_prepare(hidden_states, cache) or length > 1:
        return project(output_layer, hidden_states)
    key = (output_layer, rows)
    if key not in cache.memo:
        cache.memo[key] = prepare_linear((output_layer,), rows)
    scores: Tensor = cache.memo[key](hidden_states[:, 0])[:, None]
    return scores
