"""Memory for tensors that are filled right away, asked for at once.

The system gives memory page by page when it is first written to, and most of the time of a copy
goes into that: all pages in one call take less (measured, see ``docs/performance.md``). Huge pages
take the least on some machines and four times as long on virtual ones that lend theirs back.
"""

from __future__ import annotations

import contextlib
import mmap
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["contiguous_rows", "copied", "empty", "joined"]

_FEW = 1 << 17
"""Below this many bytes memory is malloc's."""
_CPU = torch.device("cpu")


def empty(shape: Sequence[int], dtype: torch.dtype, device: torch.device = _CPU) -> Tensor:
    """Return an empty tensor whose memory goes back to the system with it, as malloc's may not."""
    count = torch.Size(shape).numel()
    size = count * dtype.itemsize
    if size >= _FEW and device.type == "cpu":
        with contextlib.suppress(OSError):
            return torch.frombuffer(_pages(size), dtype=dtype, count=count).view(shape)
    return torch.empty(shape, dtype=dtype, device=device)


def copied(tensor: Tensor, dtype: torch.dtype, device: torch.device = _CPU) -> Tensor:
    """Return a copy of a tensor, whose rows lie one after another."""
    return empty(tensor.shape, dtype, device).copy_(tensor)


def contiguous_rows(tensor: Tensor) -> Tensor:
    """Return a tensor whose rows lie one after another, copied if these do not."""
    if tensor.is_contiguous() or type(tensor) is not Tensor:
        return tensor.contiguous()
    return copied(tensor, tensor.dtype, tensor.device)


def joined(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return tensors one behind another along a dimension, as `torch.cat` does."""
    first = tensors[0]
    shape = list(first.shape)
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return torch.cat(list(tensors), dim, out=empty(shape, first.dtype, first.device))


def _pages(size: int) -> mmap.mmap:
    if sys.platform != "linux":
        return mmap.mmap(-1, size)
    # Private: what a fork writes stays its own.
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    return mmap.mmap(-1, size, flags=flags)
