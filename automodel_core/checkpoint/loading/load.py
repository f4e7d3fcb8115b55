"""Load weights into a model: assign, or cast and move, one tensor at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import torch
from torch import nn

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.formats.mapped import torch_dtype
from automodel_core.checkpoint.formats.tensors import LazyTensors, MemoryTensors
from automodel_core.checkpoint.loading.gc_pause import gc_paused
from automodel_core.checkpoint.loading.match import (
    Expected,
    Matching,
    expected_tensors,
    match_names,
    mismatches,
)
from automodel_core.checkpoint.loading.placement import DeviceMap, Dtypes, Placement
from automodel_core.checkpoint.loading.report import LoadReport, Mismatch, Origin
from automodel_core.checkpoint.loading.shards import is_one_of_several
from automodel_core.checkpoint.loading.stored import StoredWeights
from automodel_core.checkpoint.loading.ties import Slot, Ties, find_slots
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import CheckpointFormatError, MismatchedWeightsError, shown

__all__ = ["checkpoint_dtype", "load_weights"]


def load_weights(
    model: nn.Module,
    tensors: LazyTensors | Mapping[str, torch.Tensor],
    names: WeightNames,
    *,
    base_prefix: str = "",
    tied: Mapping[str, str] | None = None,
    dtype: Dtypes = None,
    keep_in_fp32: tuple[str, ...] = (),
    device_map: DeviceMap = None,
    ignore_mismatched_sizes: bool = False,
    key_mapping: Mapping[str, str] | None = None,
    stored: StoredWeights | None = None,
) -> LoadReport:
    """Load a checkpoint's weights into a model, and report what became of each.

    Parameters on the meta device are replaced, others are written to in place. ``tied`` maps the
    module name of a weight to that of the weight it shares. Weights that the checkpoint lacks, or
    has in another shape, stay as they are. Parameters that ``device_map`` leaves on the disk go to
    ``stored``. Raises ``MismatchedWeightsError`` unless ``ignore_mismatched_sizes``, before
    anything is changed.
    """
    source = tensors if isinstance(tensors, LazyTensors) else MemoryTensors(tensors)
    with gc_paused(), torch.no_grad():
        slots = find_slots(model)
        primary = {name: slot for name, slot in slots.items() if name == slot.name}
        shapes = {name: tuple(slot.tensor.shape) for name, slot in primary.items()}
        expected = expected_tensors(shapes, names)
        shared = _other_names(slots, names, expected)
        matching = match_names(
            source, expected, shared, base_prefix=base_prefix, key_mapping=key_mapping
        )
        wrong = mismatches(matching, source, expected)
        if wrong and not ignore_mismatched_sizes:
            raise MismatchedWeightsError(_listed(wrong, matching))
        skipped = {hub for hub, _, _ in wrong}
        transfer = _Transfer(source, primary, Placement(device_map, dtype, keep_in_fp32))
        for hub, name in matching.found.items():
            if hub not in skipped:
                transfer.take(hub, name, expected[hub])
        unexpected = matching.unexpected + [
            name
            for name, hub in matching.redundant
            if name not in names.copies and not transfer.holds(name, expected[hub])
        ]
        ties = Ties(slots, tied or {}, transfer.done)
        ties.apply()
        ties.separate()
        source.confirm()
        if stored is not None:
            stored.update({name: slot.read for name, slot in slots.items() if slot.read})
        origins = transfer.origins
        origins.update(
            (name, Origin(source.stored_name(name), source[name], "")) for name in unexpected
        )
        for hub in skipped:
            name = matching.found[hub]
            origins[hub] = Origin(source.stored_name(name), source[name], "")
        tied_names = {
            names.to_hub(target).name: names.to_hub(other).name
            for target, other in ties.tied.items()
        }
        for target, other in tied_names.items():
            if other in origins:
                origins.setdefault(target, origins[other])
        # What shares a weight of another shape is drawn with it.
        drawn = {id(slots[module].tensor) for hub in skipped for module in expected[hub].modules}
        return LoadReport(
            loaded=tuple(transfer.loaded),
            tied=tuple(tied_names),
            converted=tuple(transfer.converted),
            unexpected=tuple(_in_order(source, unexpected)),
            mismatched=tuple(wrong),
            missing=tuple(
                hub
                for hub, wanted in expected.items()
                if hub not in matching.found
                and not ties.have_values(wanted.modules)
                and not all(id(slots[module].tensor) in drawn for module in wanted.modules)
            ),
            untied=tuple(names.to_hub(name).name for name in ties.untied),
            origins=origins,
        )


def _other_names(
    slots: Mapping[str, Slot], names: WeightNames, expected: Mapping[str, Expected]
) -> WeightNames:
    """Return the table, with the further names of shared weights as aliases."""
    aliases = {}
    for name, slot in slots.items():
        if name != slot.name:
            hub, usual = names.to_hub(name), names.to_hub(slot.name)
            known = hub.name in expected or hub.name in names.aliases
            if hub.part is None and usual.part is None and not known:
                aliases[hub.name] = usual.name
    return names | WeightNames(aliases=aliases) if aliases else names


def _listed(wrong: list[Mismatch], matching: Matching) -> str:
    rows = [
        f"\n  {shown(matching.found[hub])}: {list(found)} in the checkpoint, {list(needed)} in "
        "the model"
        for hub, found, needed in wrong[:20]
    ]
    more = f"\n  and {len(wrong) - 20} more" if len(wrong) > 20 else ""
    return (
        f"{len(wrong)} weights have another shape (size mismatch):{''.join(rows)}{more}\n"
        "Change the configuration to fit, or give them new values with "
        "ignore_mismatched_sizes=True"
    )


def _in_order(source: Iterable[str], chosen: list[str]) -> list[str]:
    wanted = set(chosen)
    return [name for name in source if name in wanted] if wanted else []


class _Transfer:
    """Loads tensors of a checkpoint into the slots of a model, and keeps account."""

    def __init__(
        self, source: LazyTensors, slots: Mapping[str, Slot], placement: Placement
    ) -> None:
        self._source = source
        self._slots = slots
        self._placement = placement
        self._dtypes: dict[str, torch.dtype] = {}
        self._is_alone = not is_one_of_several()
        self.done: set[str] = set()
        self.origins: dict[str, Origin] = {}
        self.loaded: list[str] = []
        self.converted: list[str] = []

    def _stored(self, info: TensorInfo, name: str) -> torch.dtype:
        dtype = self._dtypes.get(info.dtype)
        if dtype is None:
            dtype = self._dtypes[info.dtype] = torch_dtype(info.dtype, f"tensor {shown(name)}")
        return dtype

    def take(self, hub: str, name: str, expected: Expected) -> None:
        """Load one tensor into its slot, or its parts into theirs."""
        info = self._source[name]
        stored = self._stored(info, name)
        slots = [self._slots[module] for module in expected.modules]
        first, is_meta = slots[0], slots[0].tensor.is_meta
        try:
            dtype, device = self._target(first, hub, stored)
        except CheckpointFormatError as error:
            where = f"{shown(info.file)}, tensor" if info.file else "tensor"
            raise CheckpointFormatError(f"{where} {shown(name)}: {error}") from None
        if is_meta and first.is_parameter and self._stays(slots, hub):
            for index, slot in enumerate(slots):
                kind = self._placement.dtype(slot.name, slot.tensor.dtype, stored)
                slot.leave(partial(self._part, name, expected, index, kind), kind)
        elif device.type == "meta":
            for slot in slots:
                kind = self._placement.dtype(slot.name, slot.tensor.dtype, stored)
                slot.put(torch.empty(slot.tensor.shape, dtype=kind, device=device))
        else:
            # Parts get storage of their own: savers take parameters that share one for tied ones.
            values = (
                self._source.read_parts(
                    name, expected.lengths, int(expected.transposed), dtype, device
                )
                if expected.lengths
                else [self._source.read(name, dtype, device)]
            )
            for slot, value in zip(slots, values, strict=True):
                if slot is not first:
                    kind, place = self._target(slot, hub, stored)
                    value = value.to(place, kind)
                slot.put(self._laid_out(value.t() if expected.transposed else value, slot))
        self.done.update(expected.modules)
        self.loaded.append(hub)
        kept = info.dtype if dtype == stored else str(dtype).removeprefix("torch.")
        self.origins[hub] = Origin(self._source.stored_name(name), info, kept, len(slots))
        if dtype != stored:
            self.converted.append(hub)

    def _target(
        self, slot: Slot, hub: str, stored: torch.dtype
    ) -> tuple[torch.dtype, torch.device]:
        """Return the dtype and device that a slot's weight is read in."""
        dtype, tensor = slot.tensor.dtype, slot.tensor
        if not tensor.is_meta:
            return dtype, tensor.device
        dtype = self._placement.dtype(slot.name, dtype, stored)
        return dtype, self._placement.device(slot.name, hub)

    def _stays(self, slots: Iterable[Slot], hub: str) -> bool:
        disk = self._placement
        return disk.uses_disk and all(disk.is_on_disk(slot.name, hub) for slot in slots)

    def _laid_out(self, value: torch.Tensor, slot: Slot) -> torch.Tensor:
        """Return a weight with contiguous rows; that of a linear layer may be a transposed view.

        On accelerators and among processes its rows are contiguous: FSDP takes no other weights.
        """
        if value.is_contiguous() or (
            self._is_alone and slot.is_linear and value.device.type == "cpu"
        ):
            return value
        return value.contiguous()

    def _part(self, name: str, expected: Expected, index: int, dtype: torch.dtype) -> torch.Tensor:
        """Read one part of a tensor, as the model holds it."""
        value = self._source.copied(name, dtype)
        piece = _pieces(value, expected)[index] if expected.lengths else value
        return piece.t() if expected.transposed else piece

    def holds(self, name: str, expected: Expected) -> bool:
        """Return whether a tensor of the checkpoint repeats the values of one that was loaded."""
        if self._source[name].shape != expected.shape or len(expected.modules) != 1:
            return False
        value = self._source.tensor(name)
        value = value.t() if expected.transposed else value
        return self._slots[expected.modules[0]].has_equal(value)


def _pieces(value: torch.Tensor, expected: Expected) -> tuple[torch.Tensor, ...]:
    return torch.split(value, list(expected.lengths), int(expected.transposed))


def checkpoint_dtype(tensors: LazyTensors | Mapping[str, torch.Tensor]) -> torch.dtype | None:
    """Return the dtype of the first tensor of floats; ``None`` if there is none.

    If it has eight bits, it is bfloat16, which holds the same values.
    """
    source = tensors if isinstance(tensors, LazyTensors) else MemoryTensors(tensors)
    for name, info in source.items():
        dtype = torch_dtype(info.dtype, f"tensor {shown(name)}")
        if dtype.is_floating_point:
            return torch.bfloat16 if dtype.itemsize < 2 else dtype
    return None
