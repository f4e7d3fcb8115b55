"""Public names of a package that are imported when they are first used (PEP 562).

A plugin's ``__init__`` must import neither torch nor its own models, because discovery imports
the package on the way to its ``plugin`` module. It lists its names once, by module::

    __all__, __getattr__, __dir__ = lazy_exports(
        __name__, {"configuration": ("GPTConfig",), "modeling": ("GPTModel", "GPTForCausalLM")}
    )

The same imports under ``if TYPE_CHECKING:`` tell type checkers and editors what the names are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(
    package: str, modules: Mapping[str, Iterable[str]]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a package from its table of names."""
    module_of = {name: module for module, names in modules.items() for name in names}
    exported = sorted(module_of)

    def get_attribute(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        vars(sys.modules[package])[name] = value
        return value

    def list_attributes() -> list[str]:
        return sorted({*vars(sys.modules[package]), *exported})

    return exported, get_attribute, list_attributes
