"""Weight names: one table, read forwards from hub names to modules, and backwards to save.

A rule pairs a prefix of the hub's name with a prefix of the module's name; both are whole dotted
segments, ``*`` stands for a layer number, the longest rule that fits is used, and the rest of the
name (``.weight``, ``.bias``) is kept. A name without a rule is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.checkpoint.names.patterns import SegmentTable, fill, split_pattern
from automodel_core.errors import ConfigurationError, InputError, shown

if TYPE_CHECKING:
    import torch

__all__ = ["HubTensor", "WeightNames"]

_NORMS = ("layernorm", "layer_norm")


@dataclass(frozen=True)
class HubTensor:
    """Where a module's tensor is in a checkpoint.

    ``part`` is ``(index, count)`` if the tensor is one of several that the file holds joined along
    their first dimension. ``transposed`` says that a matrix is stored ``(in, out)`` there; it is
    transposed before it is split.
    """

    name: str
    part: tuple[int, int] | None = None
    transposed: bool = False


class WeightNames:
    """The names of one model's weights on the hub and in its modules.

    ``rules`` maps hub prefixes to module prefixes, ``fused`` hub prefixes to the several module
    prefixes that the file holds as one tensor. ``transposed`` lists hub prefixes whose ``.weight``
    is stored ``(in, out)``. ``aliases`` maps other hub names, of older or redundant files, to the
    usual ones; they are read and never written. ``foreign`` does the same for names that only other
    models' files have. ``segment_aliases`` does the same for the last segment of normalisation
    weights (``gamma``, ``beta``). ``copies`` are aliases that are written as well, because some
    readers look only there; beside the usual name their values do not count. ``ignored`` lists
    prefixes of hub names that a checkpoint may hold and nobody needs.
    """

    def __init__(
        self,
        rules: Mapping[str, str] | None = None,
        *,
        fused: Mapping[str, tuple[str, ...]] | None = None,
        transposed: Iterable[str] = (),
        aliases: Mapping[str, str] | None = None,
        foreign: Mapping[str, str] | None = None,
        segment_aliases: Mapping[str, str] | None = None,
        copies: Mapping[str, str] | None = None,
        ignored: Iterable[str] = (),
    ) -> None:
        self.rules = dict(rules or {})
        self.fused = {hub: tuple(modules) for hub, modules in (fused or {}).items()}
        self.transposed = tuple(transposed)
        self.copies = dict(copies or {})
        self.aliases = {**(aliases or {}), **self.copies}
        self.foreign = dict(foreign or {})
        self.segment_aliases = dict(segment_aliases or {})
        self.ignored = tuple(ignored)
        self._places: dict[str, HubTensor] = {}
        self._to_module: SegmentTable[tuple[list[str], ...]] = SegmentTable()
        self._to_hub: SegmentTable[tuple[list[str], tuple[int, int] | None]] = SegmentTable()
        self._transposed: SegmentTable[None] = SegmentTable()
        self._aliases: SegmentTable[list[str]] = SegmentTable()
        self._ignored: SegmentTable[None] = SegmentTable()
        for hub, module in self.rules.items():
            self._enter(hub, (module,))
        for hub, modules in self.fused.items():
            if len(modules) < 2:
                raise ConfigurationError(f"fused {shown(hub)} must name at least two modules")
            self._enter(hub, modules)
        for hub in self.transposed:
            self._transposed.add(split_pattern(hub, "transposed"), None)
        for other, usual in {**self.foreign, **self.aliases}.items():
            pair = split_pattern(other, "aliases"), split_pattern(usual, "aliases")
            _same_stars(other, usual, *pair)
            self._aliases.add(*pair)
        for hub in self.ignored:
            self._ignored.add(split_pattern(hub, "ignored"), None)

    def _enter(self, hub: str, modules: tuple[str, ...]) -> None:
        hub_side = split_pattern(hub, "weight names")
        sides = tuple(split_pattern(module, f"weight names, rule {hub!r}") for module in modules)
        for module, side in zip(modules, sides, strict=True):
            _same_stars(hub, module, hub_side, side)
        if not self._to_module.add(hub_side, sides):
            raise ConfigurationError(f"weight names: two rules for hub name {shown(hub)}")
        for index, (module, side) in enumerate(zip(modules, sides, strict=True)):
            part = (index, len(modules)) if len(modules) > 1 else None
            if not self._to_hub.add(side, (hub_side, part)):
                raise ConfigurationError(
                    f"weight names: two rules lead to module name {shown(module)}, the second "
                    f"from {shown(hub)}"
                )

    def __or__(self, other: WeightNames) -> WeightNames:
        """Join two tables; a rule that both have must be the same in both."""
        for mine, theirs in (
            (self.rules, other.rules),
            (self.fused, other.fused),
            (self.aliases, other.aliases),
            (self.foreign, other.foreign),
            (self.segment_aliases, other.segment_aliases),
            (self.copies, other.copies),
        ):
            for key in mine.keys() & theirs.keys():
                if mine[key] != theirs[key]:
                    raise ConfigurationError(f"weight names: two different rules for {shown(key)}")
        return WeightNames(
            self.rules | other.rules,
            fused=self.fused | other.fused,
            transposed=dict.fromkeys(self.transposed + other.transposed),
            aliases=self.aliases | other.aliases,
            foreign=self.foreign | other.foreign,
            segment_aliases=self.segment_aliases | other.segment_aliases,
            copies=self.copies | other.copies,
            ignored=dict.fromkeys(self.ignored + other.ignored),
        )

    def nested(self, hub: str = "", module: str = "") -> WeightNames:
        """Return the table of a model that holds this one under the given prefixes.

        With a hub prefix, names without a rule move along; with an empty one they stay as they
        are on both sides, so that the heads beside the nested model keep their names.
        """

        def on_hub(name: str) -> str:
            return ".".join(filter(None, (hub, name)))

        def in_module(name: str) -> str:
            return ".".join(filter(None, (module, name)))

        rules = {on_hub(a): in_module(b) for a, b in self.rules.items()}
        if hub and hub not in rules and hub not in (on_hub(name) for name in self.fused):
            rules[hub] = module
        return WeightNames(
            rules,
            fused={on_hub(a): tuple(map(in_module, b)) for a, b in self.fused.items()},
            transposed=map(on_hub, self.transposed),
            aliases={on_hub(a): on_hub(b) for a, b in self.aliases.items()},
            foreign={on_hub(a): on_hub(b) for a, b in self.foreign.items()},
            segment_aliases=self.segment_aliases,
            copies={on_hub(a): on_hub(b) for a, b in self.copies.items()},
            ignored=map(on_hub, self.ignored),
        )

    def to_hub(self, module_name: str) -> HubTensor:
        """Return where the tensor of this module name is in a checkpoint."""
        place = self._places.get(module_name)
        if place is None:
            place = self._places[module_name] = self._find_place(module_name)
        return place

    def _find_place(self, module_name: str) -> HubTensor:
        segments = module_name.split(".")
        match = self._to_hub.longest(segments)
        if match is None:
            return HubTensor(module_name, None, self._is_transposed(segments))
        (pattern, part), numbers, rest = match
        name = fill(pattern, numbers, rest)
        return HubTensor(name, part, self._is_transposed(name.split(".")))

    def to_module(self, hub_name: str) -> tuple[str, ...]:
        """Return the module names that a hub name stands for: one, or several if it is fused."""
        match = self._to_module.longest(hub_name.split("."))
        if match is None:
            return (hub_name,)
        patterns, numbers, rest = match
        return tuple(fill(pattern, numbers, rest) for pattern in patterns)

    def _is_transposed(self, segments: list[str]) -> bool:
        match = self._transposed.longest(segments)
        return match is not None and match[2] == ["weight"]

    def is_ignored(self, hub_name: str) -> bool:
        """Return whether a checkpoint may hold the name without anybody needing it."""
        return self._ignored.longest(hub_name.split(".")) is not None

    def spellings(self, name: str) -> list[str]:
        """Return the usual hub names that an unusual name of a checkpoint may stand for."""
        found = []
        segments = name.split(".")
        if len(segments) > 1 and segments[-1] in self.segment_aliases:
            norm = segments[-2].lower()
            if any(mark in norm for mark in _NORMS):
                found.append(".".join([*segments[:-1], self.segment_aliases[segments[-1]]]))
        for spelling in (name, *found):
            match = self._aliases.longest(spelling.split("."))
            if match is not None:
                found.append(fill(*match))
        return found

    def check(self, module_names: Iterable[str]) -> None:
        """Raise ``ConfigurationError`` if a module name is not read back as it is written.

        Worth a line in an architecture's tests: it finds rules that overlap.
        """
        taken: dict[tuple[str, int], str] = {}
        for module in module_names:
            hub = self.to_hub(module)
            back = self.to_module(hub.name)
            index = hub.part[0] if hub.part else 0
            if index >= len(back) or back[index] != module:
                raise ConfigurationError(
                    f"weight names: module name {shown(module)} is written as {shown(hub.name)}, "
                    f"which is read as {', '.join(back)}"
                )
            other = taken.setdefault((hub.name, index), module)
            if other != module:
                raise ConfigurationError(
                    f"weight names: {shown(other)} and {shown(module)} are both written as "
                    f"{shown(hub.name)}"
                )

    def hub_state_dict(self, module_state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return a module's tensors by hub name, joined and transposed as the hub has them."""
        state: dict[str, torch.Tensor] = {}
        parts: dict[str, dict[int, torch.Tensor]] = {}
        places: dict[str, HubTensor] = {}
        for module, tensor in module_state.items():
            place = self.to_hub(module)
            known = parts.get(place.name, {})
            if place.name in state and (place.part is None or place.part[0] in known):
                raise ConfigurationError(
                    f"weight names: two modules are written as {shown(place.name)}, the second "
                    f"is {shown(module)}"
                )
            if place.part is not None:
                parts.setdefault(place.name, {})[place.part[0]] = tensor
                places[place.name] = place
                state.setdefault(place.name, tensor)
            else:
                state[place.name] = _turned(tensor, place.transposed)
        for name, found in parts.items():
            place = places[name]
            state[name] = _turned(_joined(found, place), place.transposed)
        for other, usual in self.copies.items():
            if usual in state:
                state[other] = state[usual].clone()
        return state

    def module_state_dict(self, hub_state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return tensors by module name; what the hub holds fused is split into equal parts."""
        state: dict[str, torch.Tensor] = {}
        for name, tensor in hub_state.items():
            modules = self.to_module(name)
            turned = _turned(tensor, self._is_transposed(name.split(".")))
            if len(modules) == 1:
                state[modules[0]] = turned
                continue
            if turned.dim() == 0 or turned.shape[0] % len(modules):
                raise InputError(
                    f"weight {shown(name)} has shape {list(tensor.shape)} and cannot be split into "
                    f"{len(modules)} equal parts"
                )
            state.update(zip(modules, turned.chunk(len(modules)), strict=True))
        return state


def _same_stars(left: str, right: str, left_side: list[str], right_side: list[str]) -> None:
    if left_side.count("*") != right_side.count("*"):
        raise ConfigurationError(
            f"weight names: {shown(left)} and {shown(right)} must have equally many '*'"
        )


def _turned(tensor: torch.Tensor, transposed: bool) -> torch.Tensor:
    return tensor.t() if transposed and tensor.dim() == 2 else tensor


def _joined(parts: Mapping[int, torch.Tensor], place: HubTensor) -> torch.Tensor:
    """Join the parts of a fused tensor, without a copy if they lie one after another."""
    import torch

    count = place.part[1] if place.part is not None else 1
    if len(parts) != count:
        raise InputError(
            f"weight {shown(place.name)} needs {count} parts, and {len(parts)} are there"
        )
    return torch.cat([parts[index] for index in range(count)])
