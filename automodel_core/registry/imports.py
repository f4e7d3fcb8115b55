"""Turn ``"package.module:Attribute"`` into the object it names, once."""

from __future__ import annotations

import importlib
from types import ModuleType

from automodel_core.errors import InputError, MissingExtraError, PluginBrokenError, shown

__all__ = ["describe", "import_guarded", "resolve"]

_resolved: dict[str, object] = {}


def resolve(ref: str) -> object:
    """Import the module of a reference and return its attribute.

    A module that needs a package which is not installed raises ``MissingExtraError``, any other
    failure ``PluginBrokenError``, both chained. Failures are not remembered.
    """
    try:
        return _resolved[ref]
    except KeyError:
        pass
    module_name, colon, path = ref.partition(":")
    if not (module_name and colon and path):
        raise InputError(f"{shown(ref)} is not a reference like 'package.module:Attribute'")
    found: object = import_guarded(module_name, f"reference {shown(ref)}")
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise PluginBrokenError(
                f"reference {shown(ref)}: module {shown(module_name)} has no attribute "
                f"{shown(path)}; correct the manifest, or reinstall the package of the module"
            ) from error
    _resolved[ref] = found
    return found


def import_guarded(module_name: str, what: str) -> ModuleType:
    """Import a module; what it raises, ``SystemExit`` included, arrives chained in our error."""
    try:
        return importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and missing.partition(".")[0] != module_name.partition(".")[0]:
            raise MissingExtraError(
                f"{what} needs the module {shown(missing)}, which is not installed; "
                "install the package that provides it"
            ) from error
        raise PluginBrokenError(f"{what} cannot be imported: {describe(error)}") from error
    except BaseException as error:
        raise PluginBrokenError(f"{what} cannot be imported: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Return the type and the message of an exception as one bounded line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name
