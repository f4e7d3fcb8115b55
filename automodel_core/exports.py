"""Public names of a package that are imported when they are first used (PEP 562).

A plugin's ``__init__`` must import neither torch nor its own models, because discovery imports
the package on the way to its ``plugin`` module. Its names are listed once, in the stub beside it
that type checkers and editors read, ``__init__.pyi``::

    from automodel_gpt.configuration import GPTConfig as GPTConfig
    from automodel_gpt.modeling import GPTForCausalLM as GPTForCausalLM, GPTModel as GPTModel

and ``__init__.py`` reads them from there::

    __all__, __getattr__, __dir__ = lazy_exports(__name__)
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

__all__ = ["lazy_exports", "stub_names"]

_IMPORT = re.compile(r"^from ([\w.]+) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
_RENAMED = re.compile(r"(\w+) as (\w+)")


class NewName(Protocol):
    """What `automodel_core.deprecation.Renamed` says of a name."""

    @property
    def new(self) -> str: ...

    def warn(self, what: str) -> None: ...


@functools.cache
def stub_names(package: str) -> Mapping[str, tuple[str, str]]:
    """Return the module and attribute of each name that a package's ``__init__.pyi`` exports.

    These are the names imported in the form ``from module import name as name``, and those of the
    stub of another package after ``from package import *``. Raises ``ImportError`` if there is no
    stub.
    """
    spec: Any = find_spec(package)
    try:
        folder = os.path.dirname(spec.origin)
        stub = spec.loader.get_data(os.path.join(folder, "__init__.pyi")).decode("utf-8")
    except OSError as error:
        raise ImportError(
            f"{package} lists its names in __init__.pyi, which is not beside its __init__.py: "
            'ship it with the package ([tool.setuptools.package-data] "*" = ["*.pyi"])'
        ) from error
    names: dict[str, tuple[str, str]] = {}
    for module, several, one in _IMPORT.findall(stub):
        if one == "*":
            names |= stub_names(module)
        for attribute, exported in _RENAMED.findall(several or one):
            names[exported] = module, attribute
    return names


def lazy_exports(
    package: str,
    modules: Mapping[str, Iterable[str]] | None = None,
    *,
    renamed: Mapping[str, NewName] | None = None,
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    The names come from its ``__init__.pyi``, or from a table of submodules and their names. Old
    names in ``renamed`` lead to the new ones, with a warning each time.
    """
    if modules is None:
        source = dict(stub_names(package))
    else:
        source = {
            name: (f"{package}.{module}", name)
            for module, names in modules.items()
            for name in names
        }
    exported = sorted(source)

    former = dict(renamed or {})

    def get_attribute(name: str) -> Any:
        if name in former:
            former[name].warn(f"{package}.{name}")
            return getattr(sys.modules[package], former[name].new)
        if name not in source:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = source[name]
        value = getattr(import_module(module), attribute)
        vars(sys.modules[package])[name] = value
        return value

    def list_attributes() -> list[str]:
        return sorted({*vars(sys.modules[package]), *exported})

    return exported, get_attribute, list_attributes
