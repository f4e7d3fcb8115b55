"""Match a checkpoint's tensors with a model's, by names and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.loading.report import Mismatch
from automodel_core.checkpoint.names.table import HubTensor, WeightNames
from automodel_core.errors import ConfigurationError, InputError, shown

__all__ = ["Expected", "Matching", "expected_tensors", "match_names", "mismatches", "renamed"]

Shape = tuple[int, ...]


class Expected(NamedTuple):
    """A tensor that the model needs, as it is stored in the hub's files.

    ``modules`` are the names of its parts in the model, usually one, and ``lengths`` their first
    dimensions; ``shape`` is the shape in the file.
    """

    modules: tuple[str, ...]
    lengths: tuple[int, ...]
    shape: Shape
    transposed: bool


def expected_tensors(shapes: Mapping[str, Shape], names: WeightNames) -> dict[str, Expected]:
    """Return the tensors that a model with these names and shapes needs, by hub name."""
    expected: dict[str, Expected] = {}
    parts: dict[str, dict[int, str]] = {}
    places: dict[str, HubTensor] = {}
    for module, shape in shapes.items():
        place = names.to_hub(module)
        if place.part is not None:
            places[place.name] = place
            clash = parts.setdefault(place.name, {}).setdefault(place.part[0], module) != module
            expected.setdefault(place.name, Expected((), (), (), False))
        else:
            clash = place.name in expected
            turned = place.transposed and len(shape) == 2
            stored = shape[::-1] if turned else shape
            expected[place.name] = Expected((module,), (), stored, turned)
        if clash:
            raise ConfigurationError(
                f"weight names: two modules have the hub name {shown(place.name)}, the second is "
                f"{shown(module)}"
            )
    for name, found in parts.items():
        expected[name] = _joined(places[name], found, shapes)
    return expected


def _joined(place: HubTensor, found: Mapping[int, str], shapes: Mapping[str, Shape]) -> Expected:
    count = place.part[1] if place.part is not None else 1
    modules = tuple(found[index] for index in sorted(found))
    sizes = [shapes[module] for module in modules]
    if len(modules) != count or not all(size and size[1:] == sizes[0][1:] for size in sizes):
        raise ConfigurationError(
            f"weight names: {shown(place.name)} joins {count} tensors, and the model has "
            f"{', '.join(f'{m} {list(s)}' for m, s in zip(modules, sizes, strict=True))}"
        )
    lengths = tuple(size[0] for size in sizes)
    shape = (sum(lengths), *sizes[0][1:])
    turned = place.transposed and len(shape) == 2
    return Expected(modules, lengths, shape[::-1] if turned else shape, turned)


@dataclass
class Matching:
    """The checkpoint's name for each needed hub name, and the names that are left over.

    ``redundant`` pairs further checkpoint names of a needed tensor with its hub name.
    """

    found: dict[str, str] = field(default_factory=dict)
    redundant: list[tuple[str, str]] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def match_names(
    checkpoint: Iterable[str],
    expected: Mapping[str, object],
    names: WeightNames,
    *,
    base_prefix: str = "",
    key_mapping: Mapping[str, str] | None = None,
) -> Matching:
    """Match a checkpoint's names with the needed hub names.

    A name is taken as it is, then with ``base_prefix`` added (a base checkpoint in a model with a
    head), then with it removed (the reverse), then by the table's other spellings. What comes
    first wins.
    """
    matching = Matching()
    rest: list[tuple[str, str]] = []
    for name, usual in renamed(checkpoint, key_mapping):
        if usual in expected and usual not in matching.found:
            matching.found[usual] = name
        else:
            rest.append((name, usual))
    left: list[tuple[str, list[str]]] = []
    for name, usual in rest:
        candidates = [usual, *_prefixed(usual, base_prefix)]
        fits = [candidate for candidate in candidates if candidate in expected]
        free = next((fit for fit in fits if fit not in matching.found), None)
        if free is not None:
            matching.found[free] = name
        elif fits:
            matching.unexpected.append(name)
        else:
            left.append((name, candidates))
    for name, candidates in left:
        spellings = [other for candidate in candidates for other in names.spellings(candidate)]
        fits = [spelling for spelling in spellings if spelling in expected]
        free = next((fit for fit in fits if fit not in matching.found), None)
        if free is not None:
            matching.found[free] = name
        elif fits:
            matching.redundant.append((name, fits[0]))
        elif not any(names.is_ignored(candidate) for candidate in candidates):
            matching.unexpected.append(name)
    return matching


def _prefixed(name: str, prefix: str) -> Iterator[str]:
    if prefix:
        yield f"{prefix}.{name}"
        if name.startswith(f"{prefix}."):
            yield name[len(prefix) + 1 :]


def renamed(
    checkpoint: Iterable[str], key_mapping: Mapping[str, str] | None
) -> Iterator[tuple[str, str]]:
    """Yield each checkpoint name with the name that replaces it.

    ``key_mapping`` maps regular expressions to replacements; the first that matches is applied.
    """
    if not key_mapping:
        yield from ((name, name) for name in checkpoint)
        return
    rules = []
    for pattern, replacement in key_mapping.items():
        try:
            rules.append((re.compile(pattern), replacement))
        except (re.error, TypeError) as error:
            raise InputError(
                f"key_mapping: {shown(pattern)} is not a regular expression ({error})"
            ) from error
    for name in checkpoint:
        usual = name
        for rule, replacement in rules:
            try:
                usual, count = rule.subn(replacement, name)
            except (re.error, TypeError, IndexError) as error:
                raise InputError(
                    f"key_mapping: {shown(replacement)} is no replacement for "
                    f"{shown(rule.pattern)} ({error})"
                ) from error
            if count:
                break
        yield name, usual


def mismatches(
    matching: Matching, infos: Mapping[str, TensorInfo], expected: Mapping[str, Expected]
) -> list[Mismatch]:
    """Return the needed hub names whose shape in the checkpoint differs."""
    return [
        (hub, infos[name].shape, expected[hub].shape)
        for hub, name in matching.found.items()
        if infos[name].shape != expected[hub].shape
    ]
