"""Arguments that every Auto class takes, and those that none obeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from automodel_core.errors import InputError, RemoteCodeRefusedError, shown

__all__ = ["closest", "config_keys", "no_direct_construction", "own_arguments"]

INTERNAL = frozenset({"_commit_hash", "_from_auto", "_from_pipeline"})
"""What other libraries pass on from one ``from_pretrained`` to the next."""


def own_arguments(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments without internal ones, and refuse those that ask for remote code.

    ``trust_remote_code=False`` and ``None`` say what holds anyway, and are dropped.
    """
    rest = {key: value for key, value in kwargs.items() if key not in INTERNAL}
    for key in ("trust_remote_code", "code_revision"):
        value = rest.pop(key, None)
        if value:
            raise RemoteCodeRefusedError(
                f"{key}={shown(value)} asks for code from a checkpoint to be run, which never "
                "happens here: leave the argument out, and install the package that provides the "
                "architecture ('automodel-core list' shows what is installed, "
                "'automodel-core new NAME' begins a package)"
            )
    for key in ("plugin", "model_type"):
        value = rest.get(key)
        if value is not None and not isinstance(value, str):
            what = "the name of a distribution" if key == "plugin" else "a model type"
            raise InputError(f"{key}={shown(value)}: expected {what}, a string")
    return rest


def no_direct_construction(name: str, constructors: tuple[str, ...]) -> OSError:
    """Return the error for calling an Auto class itself."""
    ways = " or ".join(f"`{name}.{constructor}`" for constructor in constructors)
    return OSError(f"{name} chooses a class and has no objects of its own: call {ways}")


def closest(key: str, names: Iterable[str]) -> str:
    """Return a question about the most similar of ``names``, or nothing if none is similar."""
    from difflib import get_close_matches

    found = get_close_matches(key, sorted(set(names)), n=1)
    return f" (did you mean {shown(found[0])}?)" if found else ""


def config_keys(config: Any) -> list[str]:
    """Return the names under which a configuration's values can be set."""
    from automodel_core.configuration import PreTrainedConfig

    names = [name for name in vars(config) if not name.startswith("_")]
    if isinstance(config, PreTrainedConfig):
        names += ["num_labels", *config.aliases]
    return names
