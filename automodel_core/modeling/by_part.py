"""One choice for each part of a model: ``{"encoder": "eager", "": "sdpa"}``.

A part is named as in the configuration (``text_config``), or is the ``encoder`` or ``decoder`` of
the body; ``""`` stands for all that is not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from automodel_core import registry
from automodel_core.errors import InputError, listed, shown

__all__ = ["by_path", "own_choice", "set_attention"]

T = TypeVar("T")


def own_choice(given: T | Mapping[str, T], default: T) -> T:
    """Return what is chosen for all that is not named: the choice alone, or that under ``""``."""
    return given.get("", default) if isinstance(given, Mapping) else given


def by_path(model: Any, given: Mapping[str, T], argument: str) -> dict[str, T]:
    """Return the choices by the paths of the modules that they are for, the rest's under ``""``.

    Raises `InputError` for a name that is no part's.
    """
    paths = {"": "", **_part_paths(model)}
    for name in given:
        if name not in paths:
            parts = listed([part for part in paths if part])
            raise InputError(
                f"{argument}={shown(given)}: {type(model).__name__} has no part {shown(name)}; "
                + (f"its parts are {parts}" if parts else "it has no parts")
            )
    return {paths[name]: choice for name, choice in given.items()}


def _part_paths(model: Any) -> dict[str, str]:
    body = f"{model.body}." if model.body else ""
    children = dict(model.base_model.named_children())
    paths = {name: body + name for name in ("encoder", "decoder") if name in children}
    modules = dict(model.named_modules())
    for name, config in model.config.parts().items():
        owners = (path for path, part in modules.items() if vars(part).get("config") is config)
        if (path := next(owners, None)) is not None:
            paths[name] = path
    return paths


def set_attention(model: Any, chosen: str | Mapping[str, str]) -> None:
    """Set the attention function of all layers, or of those of each part.

    Raises `InputError` for a name that nobody provides and for a part that there is not.
    """
    named = {"": chosen} if isinstance(chosen, str) else chosen
    paths = by_path(model, named, "attn_implementation")
    noted = {id(config): config for config in (model.config, *model.config.all_parts())}
    for path in sorted(paths, key=len):  # what is chosen for a part counts there
        function = registry.parts.function(registry.AttentionImplementation, paths[path])
        part = model.get_submodule(path)
        for module in part.modules():
            if "attend" in vars(module):  # also of an attention that a plugin wrote
                vars(module)["attend"] = function
            own = vars(module).get("config")
            if id(own) in noted and (not path or own is not model.config):
                noted[id(own)]._attn_implementation = paths[path]
