"""A cache of small integers: a quarter of the memory of single precision, or less.

Each group of a key's or value's numbers is stored as unsigned integers with a scale and a lowest
value, as in KIVI (arXiv:2402.02750), here token by token. The newest positions stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.caches.base import Cache, SelfAttentionCache

__all__ = ["QuantizedCache", "QuantizedSelfAttentionCache", "QuantizedTensor"]

NBITS = (2, 4, 8)
BLOCK = 128


class QuantizedTensor:
    """Numbers (batch, heads, length, size) as integers of ``nbits``, in buffers that grow.

    ``group_size`` of the numbers of a position share a scale, or all if that is no divisor.
    """

    def __init__(self, nbits: int, group_size: int) -> None:
        self.nbits, self.group_size = nbits, group_size
        self.length = 0
        self._parts: list[Tensor] = []

    def append(self, tensor: Tensor) -> None:
        new = self._quantized(tensor)
        end = self.length + tensor.shape[2]
        if not self._parts or end > self._parts[0].shape[2]:
            room = max(end, 2 * self.length)
            room += -room % BLOCK
            larger = [part.new_empty(*part.shape[:2], room, *part.shape[3:]) for part in new]
            for whole, part in zip(larger, self._parts, strict=bool(self._parts)):
                whole[:, :, : self.length] = part[:, :, : self.length]
            self._parts = larger
        for whole, part in zip(self._parts, new, strict=True):
            whole[:, :, self.length : end] = part
        self.length = end

    def _quantized(self, tensor: Tensor) -> list[Tensor]:
        """Return integers (..., groups, bytes), scales and lowest values (..., groups, 1)."""
        size = tensor.shape[-1]
        group = self.group_size if size % self.group_size == 0 else size
        grouped = tensor.unflatten(-1, (size // group, group))
        lowest, highest = grouped.aminmax(dim=-1, keepdim=True)
        scale = (highest - lowest).float() / (2**self.nbits - 1)
        scale = scale.clamp_(min=torch.finfo(torch.float32).tiny)
        levels = ((grouped - lowest) / scale).round_().to(torch.uint8)
        return [self._packed(levels), scale.to(tensor.dtype), lowest]

    def _packed(self, levels: Tensor) -> Tensor:
        """Put several small integers into each byte; of an odd number each takes a byte."""
        each = 8 // self.nbits
        if levels.shape[-1] % each:
            return levels
        parts = levels.unflatten(-1, (-1, each))
        packed: Tensor = parts[..., 0].clone()
        for place in range(1, each):
            packed |= parts[..., place] << (self.nbits * place)
        return packed

    def tensor(self, size: int) -> Tensor:
        """Return the numbers again, (batch, heads, length, size)."""
        packed, scale, lowest = (part[:, :, : self.length] for part in self._parts)
        each = 8 // self.nbits
        if packed.shape[-1] * packed.shape[-2] != size:
            shifts = torch.arange(each, device=packed.device, dtype=torch.uint8) * self.nbits
            levels = (packed[..., None] >> shifts) & (2**self.nbits - 1)
            packed = levels.flatten(-2)
        numbers: Tensor = packed.to(scale.dtype) * scale + lowest
        return numbers.flatten(-2)

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        self._parts = [function(part) for part in self._parts]

    def crop(self, length: int) -> None:
        self.length = min(self.length, length)


class QuantizedSelfAttentionCache(SelfAttentionCache):
    """Keys and values as small integers, all but fewer than ``residual_length`` newest ones."""

    def __init__(self, nbits: int, group_size: int, residual_length: int) -> None:
        super().__init__()
        self.residual_length = residual_length
        self._keys = QuantizedTensor(nbits, group_size)
        self._values = QuantizedTensor(nbits, group_size)
        self._newest = SelfAttentionCache()

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        older = self._older()
        newest = self._newest.update(key, value)
        self.length += key.shape[2]
        tensors = newest if older is None else _joined(older, newest)
        if self._newest.length >= self.residual_length:
            self._keys.append(newest[0].detach())
            self._values.append(newest[1].detach())
            self._newest.crop(0)
        return tensors

    def _older(self) -> tuple[Tensor, Tensor] | None:
        if self._keys.length == 0 or self._newest._key is None or self._newest._value is None:
            return None
        sizes = self._newest._key.shape[-1], self._newest._value.shape[-1]
        return self._keys.tensor(sizes[0]), self._values.tensor(sizes[1])

    @property
    def tensors(self) -> tuple[Tensor, Tensor] | None:
        older, newest = self._older(), self._newest.tensors
        return newest if older is None or newest is None else _joined(older, newest)

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        for part in (self._keys, self._values, self._newest):
            part.transform(function)

    def reorder(self, index: Tensor, since: int = 0) -> None:
        self.transform(lambda rows: rows.index_select(0, index))

    def crop(self, length: int) -> None:
        self.length = min(self.length, length)
        self._keys.crop(self.length)
        self._values.crop(self.length)
        self._newest.crop(self.length - self._keys.length)


def _joined(older: tuple[Tensor, Tensor], newest: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.cat([older[0], newest[0]], dim=2), torch.cat([older[1], newest[1]], dim=2)


class QuantizedCache(Cache):
    """A cache of integers of ``nbits``, 8, 4 or 2.

    A ``backend``, a config and axes may be given, and are not needed: torch does it, token by
    token.
    """

    def __init__(
        self,
        backend: str | None = None,
        config: Any = None,
        nbits: int = 8,
        axis_key: int = 0,
        axis_value: int = 0,
        q_group_size: int = 64,
        residual_length: int = 128,
        *,
        decoding: bool = False,
    ) -> None:
        super().__init__(decoding=decoding)
        if nbits not in NBITS:
            raise ValueError(f"nbits={nbits} is not available; {', '.join(map(str, NBITS))} are")
        self.nbits, self.group_size, self.residual_length = nbits, q_group_size, residual_length

    def new_attention(self) -> QuantizedSelfAttentionCache:
        return QuantizedSelfAttentionCache(self.nbits, self.group_size, self.residual_length)
