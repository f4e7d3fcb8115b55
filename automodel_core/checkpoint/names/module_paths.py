"""Paths of modules on the hub: those of a model's own modules, by the table of its weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from automodel_core.checkpoint.names.patterns import SegmentTable, fill, split_pattern
from automodel_core.checkpoint.names.table import WeightNames

__all__ = ["HubModule", "ModulePaths", "short_names"]


@dataclass(frozen=True)
class HubModule:
    """A module as the hub knows it.

    ``modules`` are the paths of a model's modules that it stands for, several if it joins their
    outputs. ``other_paths`` are those that it has in some versions of the reference.
    """

    path: str
    modules: tuple[str, ...]
    other_paths: tuple[str, ...] = ()
    transposed: bool = False
    """Whether its weight is stored ``(in, out)``."""


class ModulePaths:
    """A model's modules with weights, by their own paths and by the hub's.

    ``weights`` maps the path of each module to the name of one of its weights.
    """

    def __init__(self, names: WeightNames, weights: Mapping[str, str]) -> None:
        self.names = names
        self._by_module: dict[str, HubModule] = {}
        self._by_hub: dict[str, HubModule] = {}
        others = _other_spellings(names)
        for module, leaf in weights.items():
            place = names.to_hub(f"{module}.{leaf}")
            path = place.name.removesuffix(f".{leaf}")
            if path in self._by_hub:
                continue
            parts = names.to_module(place.name)
            found = HubModule(
                path,
                tuple(part.removesuffix(f".{leaf}") for part in parts),
                tuple(other.removesuffix(f".{leaf}") for other in _spelled(others, place.name)),
                place.transposed,
            )
            self._by_module.update(dict.fromkeys(found.modules, found))
            self._by_hub[path] = found
            for other in found.other_paths:
                self._by_hub.setdefault(other, found)

    def of_module(self, path: str) -> HubModule:
        """Return what a module of the model is on the hub, or part of."""
        return self._by_module[path]

    def modules(self) -> Collection[str]:
        """Return the paths of the model's modules."""
        return self._by_module.keys()

    def on_hub(self) -> Mapping[str, HubModule]:
        """Return the hub's modules by path, also under their other paths."""
        return self._by_hub

    def spellings(self, module: str) -> tuple[str, ...]:
        """Return all paths by which somebody may know a module of the model."""
        hub = self._by_module[module]
        return (module, hub.path, *hub.other_paths)

    def split(self, name: str) -> tuple[HubModule, bool, str] | None:
        """Return a name's module, whether its path is the hub's, and the rest; ``None`` if unknown.

        The longest path counts.
        """
        segments = name.split(".")
        for length in range(len(segments), 0, -1):
            path, rest = ".".join(segments[:length]), ".".join(segments[length:])
            if path in self._by_module:
                return self._by_module[path], False, rest
            if path in self._by_hub:
                return self._by_hub[path], True, rest
        return None


def short_names(chosen: Collection[str], all_paths: Iterable[str]) -> list[str]:
    """Return names, of as few segments as will do, that end the chosen paths and no others."""
    rest = [path.split(".") for path in {*all_paths} - {*chosen}]
    found = set()
    for path in chosen:
        segments = path.split(".")
        for length in range(1, len(segments) + 1):
            end = segments[-length:]
            if length == len(segments) or not any(other[-length:] == end for other in rest):
                found.add(".".join(end))
                break
    return sorted(found)


def _other_spellings(names: WeightNames) -> SegmentTable[list[list[str]]]:
    """Return the table from the usual names to their aliases, which files may also have."""
    table: SegmentTable[list[list[str]]] = SegmentTable()
    found: dict[str, list[list[str]]] = {}
    for other, usual in {**names.foreign, **names.aliases}.items():
        found.setdefault(usual, []).append(split_pattern(other, "aliases"))
    for usual, others in found.items():
        table.add(split_pattern(usual, "aliases"), others)
    return table


def _spelled(table: SegmentTable[list[list[str]]], name: str) -> list[str]:
    match = table.longest(name.split("."))
    if match is None:
        return []
    patterns, numbers, rest = match
    return [fill(pattern, numbers, rest) for pattern in patterns]
