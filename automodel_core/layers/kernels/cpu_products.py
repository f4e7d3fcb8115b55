"""Products of inputs with weights, by the routine that is the fastest on this CPU.

A product with one to some dozens of rows is bound by how fast the weights stream from memory. MKL,
which torch calls for single precision, is fast on Intel's CPUs, most of all in its own packed
layout. On others one row is multiplied by blocks of the weights where they are, some dozens by
oneDNN in its packed layout, and many by oneDNN too (measured, see ``docs/performance.md``).
"""

from __future__ import annotations

import functools
import math
import os
import platform
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from automodel_core.layers.activations import OVERWRITING, gelu_tanh

__all__ = [
    "COPYING",
    "KERNELS",
    "TensorFunction",
    "are_bare",
    "blocks_kernel",
    "cpu_facts",
    "fast_product",
    "gains",
    "has_fast_bfloat16",
    "has_intel_cpu",
    "kernel_for",
    "multiply",
    "product",
    "runs_here",
]

TensorFunction = Callable[[Tensor], Tensor]
Kernel = Callable[[Tensor, "Tensor | None", int], TensorFunction]

MOST_ROWS = 64
"""With more rows the arithmetic is the limit, not the memory: weights need no other layout."""

TYPICAL_ROWS = 8
"""The row count that the oneDNN layout is chosen for; it serves any number of rows."""

BLOCKS_PER_THREAD = 8

GRAPH_BLOCKS = 16
"""A graph cannot ask on how many threads it will run."""

WORTHWHILE = 1 << 20
"""Multiply-adds above which oneDNN repays its start-up cost."""

SLOW_ROWS, PADDED = (577, 578), 3
"""Rows, as those of 24 x 24 patches, for which oneDNN takes a fifth longer than for three more."""

FUSED: dict[TensorFunction | None, tuple[str, str]] = {
    F.gelu: ("gelu", "none"),
    gelu_tanh: ("gelu", "tanh"),
}
"""What oneDNN makes of a product at once. (Its ReLU of a NaN is 0.)"""


def plain_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    return lambda inputs: F.linear(inputs, weight, bias)


def blocks_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    """Multiply a batch of blocks of the weights by the rows, which stand as columns."""
    return _in_blocks(weight.contiguous(), bias, rows, _blocks(len(weight)))


def _in_blocks(weight: Tensor, bias: Tensor | None, rows: int, count: int) -> TensorFunction:
    """Return the product by ``count`` blocks, and by what a vocabulary leaves over of them."""
    even = len(weight) - len(weight) % count
    if even == 0:
        return plain_kernel(weight, bias, rows)
    by_blocks = _product_of_blocks(
        weight[:even], None if bias is None else bias[:even], rows, count
    )
    if even == len(weight):
        return by_blocks
    rest, rest_bias = weight[even:], None if bias is None else bias[even:]
    return lambda inputs: torch.cat([by_blocks(inputs), F.linear(inputs, rest, rest_bias)], dim=1)


def _product_of_blocks(
    weight: Tensor, bias: Tensor | None, rows: int, count: int
) -> TensorFunction:
    outputs, width = weight.shape
    blocks, columns = weight.reshape(count, -1, width), (count, width, rows)
    start = None if bias is None else bias.view(count, -1, 1)

    def run(inputs: Tensor) -> Tensor:
        placed = inputs.t().expand(columns)
        if start is None:
            products = torch.bmm(blocks, placed)
        else:
            products = torch.baddbmm(start, blocks, placed)
        return products.view(1, outputs) if rows == 1 else products.view(outputs, rows).t()

    return run


def onednn_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS)
    multiply = torch.ops.mkldnn._linear_pointwise.default
    return lambda inputs: multiply(inputs, packed, bias, "none", [], "")


def mkl_kernel(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    packed = torch.ops.mkl._mkl_reorder_linear_weight(weight.contiguous(), rows)
    multiply = torch.ops.mkl._mkl_linear
    return lambda inputs: multiply(inputs, packed, weight, bias, rows)


KERNELS: dict[str, Kernel] = {
    "plain": plain_kernel,
    "blocks": blocks_kernel,
    "onednn": onednn_kernel,
    "mkl": mkl_kernel,
}
COPYING = (onednn_kernel, mkl_kernel)
"""The kernels that keep weights in a layout of their own, beside the model's."""


@functools.cache
def runs_here(kernel: Kernel, dtype: torch.dtype = torch.float32) -> bool:
    """Return whether this build of torch has the kernel's operators and they give right numbers."""
    weight, inputs = torch.ones(16, 16, dtype=dtype), torch.ones(2, 16, dtype=dtype)
    try:
        return torch.equal(kernel(weight, None, 2)(inputs), F.linear(inputs, weight))
    except (AttributeError, RuntimeError):
        return False


def gains(weight: Tensor, rows: int) -> bool:
    """Return whether there may be a better kernel than the plain one for so few rows."""
    fits = weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and has_fast_bfloat16())
    return weight.device.type == "cpu" and fits and rows <= MOST_ROWS


def kernel_for(weight: Tensor, rows: int) -> Kernel:
    """Return the kernel for products of so many rows with weights ``(out, in)``.

    ``AUTOMODEL_LINEAR_KERNEL`` names another one: plain, blocks, onednn, or mkl, which is for
    single precision only.
    """
    if not gains(weight, rows):
        return plain_kernel
    named = os.environ.get("AUTOMODEL_LINEAR_KERNEL", "")
    if named and named not in KERNELS:
        raise ValueError(f"AUTOMODEL_LINEAR_KERNEL={named!r}: one of {', '.join(KERNELS)}")
    single, wanted = weight.dtype == torch.float32, KERNELS.get(named, onednn_kernel)
    if not named and single and has_intel_cpu():
        # MKL streams a transposed weight past one row as fast as a packed one.
        wanted = plain_kernel if rows == 1 and not weight.is_contiguous() else mkl_kernel
    elif not named and single and rows == 1 and MKL_IS_SLOW:
        wanted = blocks_kernel
    usable = (k for k in (wanted, onednn_kernel) if runs_here(k, weight.dtype))
    return next(usable, plain_kernel)


def fast_product(weight: Tensor, bias: Tensor | None, rows: int) -> TensorFunction:
    """Return the product of ``(rows, in)`` with weights ``(out, in)`` by the kernel for it."""
    return kernel_for(weight, rows)(weight.detach(), bias, rows)


def _blocks(outputs: int) -> int:
    """Return how many blocks give every thread its share, even ones if there can be.

    Torch multiplies a single block by another routine, which takes twice as long.
    """
    threads = torch.get_num_threads()
    count = math.gcd(outputs, BLOCKS_PER_THREAD * threads)
    return count if count >= max(threads, 2) else BLOCKS_PER_THREAD * threads


def product(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, activation: TensorFunction | None = None
) -> Tensor:
    """Return activated ``inputs @ weight.T + bias`` for ``(..., in)`` inputs, without gradients."""
    if torch.compiler.is_compiling():
        return _activated(_compiled_product(inputs, weight, bias), activation)
    if are_bare(inputs, weight):
        return multiply(inputs, weight, bias, activation)
    return _activated(F.linear(inputs, weight, bias), activation)


def are_bare(inputs: Tensor, weight: Tensor) -> bool:
    """Return whether operators without gradients or other rules may be called on both."""
    return (
        _are_plain(inputs, weight)
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        and forward_ad._current_level < 0  # tangents are gradients, too
    )


def multiply(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, activation: TensorFunction | None
) -> Tensor:
    """Return the `product` of bare tensors. GELU becomes a part of it where it can."""
    if MKL_IS_SLOW and inputs.numel() * len(weight) >= WORTHWHILE and runs_here(onednn_kernel):
        name, algorithm = FUSED.get(activation, ("none", ""))
        rows = inputs.numel() // weight.shape[1]
        given = F.pad(inputs.flatten(0, -2), (0, 0, 0, PADDED)) if rows in SLOW_ROWS else inputs
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise.default(
            given, weight, bias, name, [], algorithm
        )
        if given is not inputs:
            outputs = outputs[:rows].view(*inputs.shape[:-1], len(weight))
        return outputs if activation in FUSED else _overwritten(outputs, activation)
    return _overwritten(F.linear(inputs, weight, bias), activation)


def _overwritten(outputs: Tensor, activation: TensorFunction | None) -> Tensor:
    if activation is not None and outputs.is_contiguous():
        activation = OVERWRITING.get(activation, activation)
    return _activated(outputs, activation)


def _activated(outputs: Tensor, activation: TensorFunction | None) -> Tensor:
    return outputs if activation is None else activation(outputs)


def _compiled_product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the same in a graph, where few rows are multiplied by blocks of the weights.

    A number of rows that the graph leaves open is not looked at.
    """
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    *shape, width = inputs.shape
    rows = math.prod(shape)
    few = statically_known_true(rows <= MOST_ROWS)
    if MKL_IS_SLOW and few and _are_plain(inputs, weight) and weight.is_contiguous():
        by_blocks = _in_blocks(weight, None, rows, GRAPH_BLOCKS)
        outputs = by_blocks(inputs.reshape(rows, width)).view(*shape, len(weight))
        # A sum of its own, which is joined to what comes behind: graphs are slow at baddbmm.
        return outputs if bias is None else outputs + bias
    return F.linear(inputs, weight, bias)


def _are_plain(inputs: Tensor, weight: Tensor) -> bool:
    """Return whether both are tensors in single precision on a CPU, and nothing more."""
    return (
        inputs.dtype == weight.dtype == torch.float32
        and inputs.device.type == weight.device.type == "cpu"
        and type(inputs) is Tensor
        and type(weight) is nn.Parameter
        and not torch.is_autocast_enabled("cpu")
    )


@functools.cache
def cpu_facts() -> frozenset[str]:
    """Return the words that the system says about its first CPU: maker, features, ..."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as info:
            return frozenset(info.read(1 << 14).split("\n\n")[0].split())
    except OSError:
        return frozenset(platform.processor().replace(",", " ").split())


def has_intel_cpu() -> bool:
    """Return whether MKL runs at its full speed here."""
    return "GenuineIntel" in cpu_facts()


def has_fast_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 itself; torch is slow at it where not."""
    return not cpu_facts().isdisjoint(("avx512_bf16", "amx_bf16", "bf16"))


MKL_IS_SLOW = bool(torch.backends.mkl.is_available()) and not has_intel_cpu()
"""Whether torch calls MKL, as builds for x86 do, on a CPU that it was not made for.

It is known ahead, as a graph cannot ask.
"""
