"""Linear layers prepared for decoding: few rows at a time, the same weights again and again.

A matrix product with one to some dozens of rows is bound by how fast the weights stream from
memory. Kernels that read weights in their own packed layout get several times nearer to that limit
than the general ones. MKL's is the fastest on Intel's CPUs and slow on others, where oneDNN's is
(measured, see ``docs/performance.md``). The packed copy is kept beside the layer for the next
sequence and made anew when the layer's weights have changed.
"""

from __future__ import annotations

import functools
import os
import platform
import threading
from collections.abc import Callable
from typing import TypeGuard
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.cache import Cache
from automodel_core.layers.linear import Linear, QuantisedLinear

__all__ = [
    "has_fast_bfloat16",
    "has_hooks",
    "may_prepare",
    "packed_product",
    "prepare_linear",
    "prepare_norm",
    "score_tokens",
]

TensorFunction = Callable[[Tensor], Tensor]
Kernel = Callable[[Tensor, "Tensor | None", int], TensorFunction]

MOST_ROWS = 64
"""With more rows the arithmetic, not the memory, is the limit, and general kernels are as good."""

WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
LARGE = 1 << 16
BLOCK = 251
"""Words that a checksum adds up as one; fewer than a row of a large matrix has."""

TYPICAL_ROWS = 8
"""The row count that the oneDNN layout is chosen for; it serves one row equally well."""


def plain_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    return lambda inputs: F.linear(inputs, weight, bias)


def onednn_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS)
    product = torch.ops.mkldnn._linear_pointwise.default
    return lambda inputs: product(inputs, packed, bias, "none", [], "")


def mkl_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    packed = torch.ops.mkl._mkl_reorder_linear_weight(weight, rows)
    product = torch.ops.mkl._mkl_linear
    return lambda inputs: product(inputs, packed, weight, bias, rows)


KERNELS: dict[str, Kernel] = {"plain": plain_kernel, "onednn": onednn_kernel, "mkl": mkl_kernel}


def runs_here(kernel: Kernel, dtype: torch.dtype = torch.float32) -> bool:
    """Return whether this build of torch has the kernel's operators and they give right numbers."""
    weight, inputs = torch.ones(16, 16, dtype=dtype), torch.ones(2, 16, dtype=dtype)
    try:
        return torch.equal(kernel(weight, None, 2)(inputs), F.linear(inputs, weight))
    except (AttributeError, RuntimeError):
        return False


@functools.cache
def best_kernel(dtype: torch.dtype = torch.float32) -> Kernel:
    """Return the kernel for this CPU, or the one that the user names.

    ``AUTOMODEL_LINEAR_KERNEL`` is one of plain, onednn and mkl, which is for single precision only.
    """
    named = os.environ.get("AUTOMODEL_LINEAR_KERNEL", "")
    if named and named not in KERNELS:
        raise ValueError(f"AUTOMODEL_LINEAR_KERNEL={named!r}: one of {', '.join(KERNELS)}")
    preferred = "mkl" if has_intel_cpu() else "onednn"
    candidates = [named] if named else [preferred, "onednn"]
    if dtype != torch.float32 and "mkl" in candidates:
        candidates = ["onednn"]
    return next((KERNELS[c] for c in candidates if runs_here(KERNELS[c], dtype)), plain_kernel)


@functools.cache
def cpu_facts() -> frozenset[str]:
    """Return the words that the system says about its first CPU: maker, features, ..."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as info:
            return frozenset(info.read(1 << 14).split("\n\n")[0].split())
    except OSError:
        return frozenset(platform.processor().replace(",", " ").split())


def has_intel_cpu() -> bool:
    return "GenuineIntel" in cpu_facts()


def has_fast_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 itself; torch is slow at it where not."""
    return not cpu_facts().isdisjoint(("avx512_bf16", "amx_bf16", "bf16"))


def has_hooks(module: nn.Module) -> bool:
    """Return whether somebody watches or replaces what this one module's ``forward`` does."""
    replaced = "forward" in vars(module)
    return bool(module._forward_hooks or module._forward_pre_hooks or replaced)


def is_plain(linear: nn.Module) -> TypeGuard[nn.Linear]:
    """Return whether a layer is nothing but weight and bias, so that a product may bypass it."""
    return type(linear) in (Linear, nn.Linear) and not has_hooks(linear)


def can_pack(weight: Tensor, rows: int) -> bool:
    fits = weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and has_fast_bfloat16())
    return weight.device.type == "cpu" and fits and rows <= MOST_ROWS


def packed_product(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    """Return the product of ``(rows, in)`` with weights, in a layout of their own if that helps."""
    if not can_pack(weight, rows):
        return plain_kernel(weight, bias, rows)
    return best_kernel(weight.dtype)(weight.detach().contiguous(), bias, rows)


def checksum(weight: Tensor) -> int:
    """Return a number that any changed bit changes, and any other order of rows, at memory speed.

    Large tensors are summed in blocks, whose sums count by their place; in small ones each word
    does.
    """
    flat = weight.detach().reshape(-1)
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


_prepared: WeakKeyDictionary[nn.Module, dict[object, TensorFunction]] = WeakKeyDictionary()
_lock = threading.Lock()


def prepare_linear(linears: tuple[nn.Module, ...], rows: int) -> TensorFunction:
    """Return a function from ``(rows, in)`` to the outputs side by side, ``(rows, sum of out)``.

    Layers that are more than a weight and a bias, and no `QuantisedLinear`, are called as they are:
    adapters, and those with hooks.
    """
    pack = _packing(linears, rows)
    if pack is None:
        if len(linears) == 1:
            return linears[0]
        return lambda inputs: torch.cat([linear(inputs) for linear in linears], dim=-1)

    tensors = [t for n in linears for t in (*n.parameters(False), *n.buffers(False))]
    key = (
        rows,
        len(linears),
        *((t.data_ptr(), tuple(t.shape), version(t), checksum(t)) for t in tensors),
    )
    with _lock:
        known = _prepared.get(linears[0], {}).get(key)
    if known is None:
        with torch.no_grad():
            known = pack()
        with _lock:
            _prepared[linears[0]] = {key: known}
    return known


def _packing(linears: tuple[nn.Module, ...], rows: int) -> Callable[[], TensorFunction] | None:
    """Return how to pack layers, or ``None`` where they must be called as they are."""
    plain = tuple(n for n in linears if is_plain(n) and can_pack(n.weight, rows))
    if len(plain) == len(linears):
        return lambda: _pack(plain, rows)
    fewer_bits = [n for n in linears if isinstance(n, QuantisedLinear) and not has_hooks(n)]
    kinds = {type(linear) for linear in fewer_bits}
    if len(fewer_bits) == len(linears) and len(kinds) == 1:
        return lambda: kinds.pop().prepare(fewer_bits, rows)
    return None


def _pack(linears: tuple[nn.Linear, ...], rows: int) -> TensorFunction:
    weight = (
        torch.cat([linear.weight for linear in linears]) if len(linears) > 1 else linears[0].weight
    )
    bias = None
    if any(linear.bias is not None for linear in linears):
        bias = torch.cat(
            [weight.new_zeros(len(n.weight)) if n.bias is None else n.bias for n in linears]
        )
    return packed_product(weight, bias, rows)


def prepare_norm(norm: nn.Module) -> TensorFunction:
    """Return a normalisation as a function, without the cost of a module call."""
    if type(norm) is nn.LayerNorm and not has_hooks(norm):
        shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
        return lambda inputs: F.layer_norm(inputs, shape, weight, bias, eps)
    return norm


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
    scores: Tensor
    rows, length, _ = hidden_states.shape
    if cache is None or length > 1 or not may_prepare(hidden_states, cache):
        scores = output_layer(hidden_states)
        return scores
    key = (output_layer, rows)
    if key not in cache.memo:
        cache.memo[key] = prepare_linear((output_layer,), rows)
    scores = cache.memo[key](hidden_states[:, 0])[:, None]
    return scores
