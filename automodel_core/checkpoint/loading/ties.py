"""A model's weights by name, and ties between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from automodel_core.checkpoint.loading.parts import every_part
from automodel_core.checkpoint.loading.shards import is_sharded, local, sharded_like
from automodel_core.errors import ConfigurationError, shown

__all__ = ["Slot", "Ties", "equal_values", "find_slots"]


class Slot:
    """One weight of a model: its first name, its tensor, and all modules that share it.

    ``is_linear`` says that all of them are ``nn.Linear``, which may hold a weight transposed.
    ``read`` returns the value of one that stays on disk.
    """

    __slots__ = ("assigned", "is_linear", "is_parameter", "name", "places", "read", "tensor")

    def __init__(self, name: str, tensor: torch.Tensor, is_parameter: bool) -> None:
        self.name = name
        self.tensor = tensor
        self.is_parameter = is_parameter
        self.is_linear = True
        self.assigned = False
        self.read: Callable[[], torch.Tensor] | None = None
        self.places: list[tuple[dict[str, torch.Tensor | None], str]] = []

    def put(self, value: torch.Tensor) -> None:
        """Set the weight: replace it on the meta device, else copy ``value`` into it.

        Of a sharded weight this process keeps its shard.
        """
        if is_sharded(self.tensor) and not is_sharded(value):
            value = sharded_like(value, self.tensor)
        if not self.tensor.is_meta:
            self.tensor.copy_(value)
            return
        if self.is_parameter:
            value = nn.Parameter(value, requires_grad=self.tensor.requires_grad)
        self.assigned = True
        self.hold(value)

    def leave(self, read: Callable[[], torch.Tensor], dtype: torch.dtype) -> None:
        """Leave the weight on disk, where ``read`` finds it; its dtype is known already."""
        self.put(torch.empty(self.tensor.shape, dtype=dtype, device="meta"))
        self.read = read

    def hold(self, tensor: torch.Tensor) -> None:
        """Let all places share this tensor."""
        self.tensor = tensor
        for owner, key in self.places:
            owner[key] = tensor

    def share(self, other: Slot) -> None:
        """Let all places share another slot's tensor, or what stays on disk for it."""
        self.hold(other.tensor)
        self.read = other.read

    def has_equal(self, value: torch.Tensor) -> bool:
        """Return whether a value is the weight's own; on the meta device any is."""
        current = self.value()
        if current.is_meta or value.is_meta:
            return True
        if is_sharded(current):
            value = value if is_sharded(value) else sharded_like(value, current)
            return equal_values(local(current), local(value))
        return equal_values(current, value)

    def value(self) -> torch.Tensor:
        """Return the weight, read if it stays on disk."""
        return self.tensor if self.read is None else self.read()


def find_slots(model: nn.Module) -> dict[str, Slot]:
    """Return parameters and saved buffers by every name they have; shared ones have one slot."""
    slots: dict[str, Slot] = {}
    known: dict[int, Slot] = {}
    for start, module in every_part(model):
        owners: list[tuple[dict[str, torch.Tensor | None], bool]]
        owners = [(module._parameters, True)]  # type: ignore[list-item]
        if module._buffers:
            owners.append((module._buffers, False))
        is_linear = type(module) is nn.Linear
        for owner, is_parameter in owners:
            for key, tensor in owner.items():
                is_saved = is_parameter or key not in module._non_persistent_buffers_set
                if tensor is None or not is_saved:
                    continue
                name = start + key
                slot = known.get(id(tensor))
                if slot is None:
                    slot = known[id(tensor)] = Slot(name, tensor, is_parameter)
                slot.places.append((owner, key))
                slot.is_linear &= is_linear
                slots[name] = slot
    return slots


class Ties:
    """Ties between loaded weights.

    The checkpoint decides: weights with different values stay untied, and a missing weight is tied
    to the one that is present, whichever of the two the model calls the source. (transformers 5 has
    the same rule.) ``tied`` maps each weight that was tied to the one that it shares.
    """

    def __init__(
        self, slots: Mapping[str, Slot], tied: Mapping[str, str], loaded: Iterable[str]
    ) -> None:
        self._pairs = [(self._slot(slots, a), self._slot(slots, b)) for a, b in tied.items()]
        self._slots = slots
        self._with_values = {id(slots[name]) for name in loaded}
        self.tied: dict[str, str] = {}
        self.untied: list[str] = []

    @staticmethod
    def _slot(slots: Mapping[str, Slot], name: str) -> Slot:
        if name not in slots:
            raise ConfigurationError(f"tied weight {shown(name)} is not in the model")
        return slots[name]

    def apply(self) -> None:
        """Tie the weights, as far as the checkpoint's values allow."""
        for index, (target, source) in enumerate(self._pairs):
            if target.tensor is source.tensor:
                continue
            if self._has(target) and self._has(source):
                if not target.has_equal(source.value()):
                    self.untied.append(target.name)
                    continue
            elif self._has(target):
                target, source = source, target
            elif not self._has(source):
                rest = self._pairs[index + 1 :]
                siblings = (t for t, s in rest if s is source and self._has(t))
                source = next(siblings, source)
            if source.tensor.is_meta and not target.tensor.is_meta:
                source.share(target)  # what is in memory serves both
            else:
                target.share(source)
            if self._has(source):
                self._with_values.add(id(target))
                self.tied[target.name] = source.name

    def separate(self) -> None:
        """Give untied weights storage of their own, where a file stored them as one."""
        owners: dict[int, torch.Tensor] = {}
        for slot in self._slots.values():
            tensor = slot.tensor
            if not slot.assigned or not tensor.numel() or tensor.is_meta or is_sharded(tensor):
                continue
            first = owners.setdefault(tensor.data_ptr(), tensor)
            if first is not tensor and first.device == tensor.device:
                slot.tensor.data = tensor.clone()

    def _has(self, slot: Slot) -> bool:
        return id(slot) in self._with_values

    def have_values(self, names: Iterable[str]) -> bool:
        """Return whether all of these have values, loaded or by a tie."""
        return all(
            self._has(self._slots[name]) or not self._slots[name].tensor.is_meta for name in names
        )


def equal_values(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Return whether two weights have the same shape and values, on whatever device."""
    if left.shape != right.shape:
        return False
    if left.data_ptr() == right.data_ptr() and left.stride() == right.stride():
        return True
    return torch.equal(left, right.to(left.device, left.dtype))
