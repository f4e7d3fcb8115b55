"""Settings of adapters, which name modules: by the paths of a model, and by the hub's."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from automodel_core.checkpoint.names.module_paths import ModulePaths, short_names
from automodel_core.errors import InputError, listed

__all__ = ["Names", "matching", "scaling", "settings_of_hub", "settings_of_modules"]

Names = str | Iterable[str]
"""Ends of paths, or one regular expression for whole paths, as the package takes them."""


def matching(names: Names, paths: ModulePaths) -> set[str]:
    """Return the modules that ``names`` mean, by their own paths or the hub's."""
    if isinstance(names, str):
        pattern = re.compile(names)
        return {
            module
            for module in paths.modules()
            if any(pattern.fullmatch(path) for path in paths.spellings(module))
        }
    return {module for name in names for module in _named(name, paths)}


def _named(name: str, paths: ModulePaths) -> set[str]:
    end = f".{name}"
    return {
        module
        for module in paths.modules()
        if any(path == name or path.endswith(end) for path in paths.spellings(module))
    }


def settings_of_modules(
    settings: Any,
    paths: ModulePaths,
    all_modules: Collection[str],
    blocks: Mapping[str, Sequence[int]] | None = None,
) -> Any:
    """Return a copy of settings that names modules by the model's own paths.

    ``blocks`` are the ranks of parts that a joined projection of the hub has stacked. Raises
    `InputError` for targets that neither the model nor the hub knows.
    """
    settings = copy.deepcopy(settings)
    fields = vars(settings)
    own_ranks = _ranks_of_parts(blocks or {}, paths)
    chosen = {module for module in _targets(fields, paths) if own_ranks.get(module) != 0}
    for key in ("target_modules", "feedforward_modules"):
        names = fields.get(key)
        if names is None:
            continue
        found = chosen if key == "target_modules" else matching(names, paths)
        fields[key] = {*short_names(found, all_modules)}
    for key in ("exclude_modules", "layers_to_transform", "layers_pattern"):
        if key in fields:
            fields[key] = None
    if "rank_pattern" in fields:
        fields |= _ranks_here(fields, chosen, own_ranks, paths, all_modules)
    if fields.get("modules_to_save"):
        fields["modules_to_save"] = _kept_whole(fields["modules_to_save"], paths, all_modules)
    if isinstance(indices := fields.get("trainable_token_indices"), Mapping):
        fields["trainable_token_indices"] = {
            path: rows
            for name, rows in indices.items()
            for path in short_names(_named(name, paths), all_modules) or [name]
        }
    if "fan_in_fan_out" in fields:
        fields["fan_in_fan_out"] = False
    return settings


def _targets(fields: Mapping[str, Any], paths: ModulePaths) -> set[str]:
    """Return the modules to adapt: those named, without those excluded and in other layers."""
    names: Names | None = fields.get("target_modules")
    if names is None:
        return set()
    found = matching(names, paths)
    lacking = [] if isinstance(names, str) else [n for n in names if not _named(n, paths)]
    if not found:
        spelled = (path for module in paths.modules() for path in paths.spellings(module))
        known = {path.rpartition(".")[2] for path in spelled}
        raise InputError(
            f"target_modules: nothing in the model is called {listed(lacking or [str(names)])}, "
            f"here or on the hub; its modules are {listed(sorted(known), 30)}"
        )
    if (excluded := fields.get("exclude_modules")) is not None:
        found -= matching(excluded, paths)
    numbers = fields.get("layers_to_transform")
    if numbers is not None and numbers != []:
        wanted = {numbers} if isinstance(numbers, int) else {*numbers}
        patterns = fields.get("layers_pattern") or [r"[^.]*"]
        patterns = [patterns] if isinstance(patterns, str) else patterns
        found = {m for m in found if _layer_number(paths.spellings(m), patterns) in wanted}
    return found


def _layer_number(spellings: Iterable[str], patterns: Iterable[str]) -> int | None:
    """Return the first number in a path behind a segment that a pattern allows."""
    for pattern in patterns:
        for path in spellings:
            if match := re.match(rf"(?:^|.*?\.){pattern}\.(\d+)\.", path):
                return int(match[1])
    return None


def _ranks_of_parts(blocks: Mapping[str, Sequence[int]], paths: ModulePaths) -> dict[str, int]:
    """Return the rank of each module that is a part of a stacked projection."""
    return {
        module: rank
        for path, ranks in blocks.items()
        for module, rank in zip(paths.on_hub()[path].modules, ranks, strict=True)
    }


def _ranks_here(
    fields: Mapping[str, Any],
    modules: Iterable[str],
    own_ranks: Mapping[str, int],
    paths: ModulePaths,
    every: Collection[str],
) -> dict[str, Any]:
    """Return the two settings that say which modules have another rank or alpha than most."""
    unusual: dict[str, dict[Any, list[str]]] = {"rank": {}, "alpha": {}}
    for module in modules:
        spellings = paths.spellings(module)
        joined, alpha = (_setting(fields, key, *spellings) for key in ("rank", "alpha"))
        rank = own_ranks.get(module, joined)
        _note_unusual(unusual, fields, module, rank, _with_rank(fields, alpha, joined, rank))
    return _as_patterns(unusual, lambda some: short_names(some, every))


def _is_end(pattern: str, path: str) -> bool:
    return re.match(rf"(?:.*\.)?(?:{pattern})$", path) is not None


def _kept_whole(
    names: Iterable[str], paths: ModulePaths, all_modules: Collection[str]
) -> list[str]:
    """Return the names of modules to train whole; the hub's may be one that holds several."""
    found: list[str] = []
    for name in names:
        end = f".{name}"
        if any(path == name or path.endswith(end) for path in all_modules):
            found.append(name)
            continue
        inside = {
            module
            for module in paths.modules()
            if any(f".{name}." in f".{path}." for path in paths.spellings(module))
        }
        found += sorted(inside) or [name]  # whole paths: PEFT takes any end of one for a name
    return list(dict.fromkeys(found))


def scaling(settings: Any) -> Callable[[str], float]:
    """Return the function from a module's path to what its low-rank product is multiplied by."""
    fields = vars(settings)

    def scale(module: str) -> float:
        rank: float = _setting(fields, "rank", module)
        alpha: float = _setting(fields, "alpha", module)
        return alpha / (rank**0.5 if fields.get("use_rslora") else rank)

    return scale


def _setting(fields: Mapping[str, Any], key: str, *spellings: str) -> Any:
    """Return the rank or the alpha of a module."""
    patterns: Mapping[str, Any] = fields.get(f"{key}_pattern") or {}
    fitting = (v for p, v in patterns.items() if any(_is_end(p, path) for path in spellings))
    return next(fitting, _usual(fields, key))


def _usual(fields: Mapping[str, Any], key: str) -> Any:
    """Return the rank or the alpha of most modules; some methods have no alpha."""
    return fields["r"] if key == "rank" else fields.get("lora_alpha", fields.get("alpha"))


def _with_rank(fields: Mapping[str, Any], alpha: Any, before: int, after: int) -> Any:
    """Return the alpha with which another rank gives the same scale."""
    if before == after:
        return alpha
    growth = after / before
    return alpha * (growth**0.5 if fields.get("use_rslora") else growth)


def _note_unusual(
    unusual: Mapping[str, dict[Any, list[str]]],
    fields: Mapping[str, Any],
    path: str,
    rank: int,
    alpha: Any,
) -> None:
    for key, value in (("rank", rank), ("alpha", alpha)):
        if value != _usual(fields, key):
            unusual[key].setdefault(value, []).append(path)


def _as_patterns(
    unusual: Mapping[str, Mapping[Any, list[str]]], names: Callable[[list[str]], list[str]]
) -> dict[str, Any]:
    return {
        f"{key}_pattern": {name: value for value, some in given.items() for name in names(some)}
        for key, given in unusual.items()
    }


def settings_of_hub(
    settings: Any, paths: ModulePaths, ranks: Mapping[str, int], modules: Collection[str]
) -> Any:
    """Return a copy of settings that names modules by the hub's paths.

    ``modules`` are those adapted, ``ranks`` the ranks of joined projections by their hub paths.
    """
    settings = copy.deepcopy(settings)
    fields = vars(settings)
    if "rank_pattern" in fields:
        fields |= _ranks_on_hub(fields, paths, ranks, modules)
    for key in ("target_modules", "feedforward_modules"):
        if fields.get(key) is None:
            continue
        found = modules if key == "target_modules" else matching(fields[key], paths)
        chosen = {paths.of_module(module) for module in found}
        fields[key] = {*_hub_ends({each.path for each in chosen}, paths)}
    if fields.get("target_modules_to_tie"):
        # The package ties by a few names of embeddings, which are not those of all architectures
        # on the hub. Both have their weights in the file.
        fields |= {"target_modules_to_tie": None, "ensure_weight_tying": False}
    if fields.get("modules_to_save"):
        fields["modules_to_save"] = [
            path for name in fields["modules_to_save"] for path in _on_hub(name, paths)
        ]
    if isinstance(indices := fields.get("trainable_token_indices"), Mapping):
        fields["trainable_token_indices"] = {
            path: rows for name, rows in indices.items() for path in _on_hub(name, paths)
        }
    if "fan_in_fan_out" in fields:
        fields["fan_in_fan_out"] = any(paths.of_module(m).transposed for m in modules)
    return settings


def _ranks_on_hub(
    fields: Mapping[str, Any],
    paths: ModulePaths,
    ranks: Mapping[str, int],
    modules: Collection[str],
) -> dict[str, Any]:
    """Return the two settings that say which modules have another rank or alpha than most."""
    unusual: dict[str, dict[Any, list[str]]] = {"rank": {}, "alpha": {}}
    for path in sorted({paths.of_module(module).path for module in modules}):
        first = next(module for module in paths.on_hub()[path].modules if module in modules)
        own, alpha = (_setting(fields, key, first) for key in ("rank", "alpha"))
        rank = ranks.get(path, own)
        _note_unusual(unusual, fields, path, rank, _with_rank(fields, alpha, own, rank))
    return _as_patterns(unusual, lambda some: _hub_ends(some, paths))


def _hub_ends(chosen: Collection[str], paths: ModulePaths) -> list[str]:
    """Return the ends of the hub's paths, and of those that versions of the reference have."""
    hub = paths.on_hub()
    usual = {each.path for each in hub.values()}
    others = {other for path in chosen for other in hub[path].other_paths}
    return [*short_names(chosen, usual), *short_names(others, hub.keys() - usual)]


def _on_hub(name: str, paths: ModulePaths) -> list[str]:
    """Return the hub's paths of a module, or of those in it; a name without weights stays."""
    found = {module for module in paths.modules() if f".{name}." in f".{module}."}
    return sorted({paths.of_module(module).path for module in found}) or [name]
