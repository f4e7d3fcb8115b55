"""Hugging Face's Auto classes as a core and plugins: an install holds only what it uses.

Importing this package finds the installed plugins, by their metadata alone; its public names, which
the stub beside this file lists, are imported when they are first used (PEP 562). The Auto class of
a task that a plugin adds can be imported from here like any other.
"""

from __future__ import annotations

from typing import Any

import automodel_core.generation
import automodel_core.registry  # noqa: F401 - it finds the installed plugins
from automodel_core.exports import lazy_exports, stub_names
from automodel_core.registry.task_table import OTHER_BACKENDS

__version__ = "0.1.0"

_NEED_TORCH = tuple(
    f"{__name__}.{floor}"
    for floor in ("generation", "layers", "modeling", "preprocessing", "tasks", "vision")
)

_listed = stub_names(__name__)
_names, _attribute, __dir__ = lazy_exports(__name__)
_names += ["__version__", *OTHER_BACKENDS]

# A star import leaves out the names of floors that need torch.
_heavy = {name for name, (module, _) in _listed.items() if module.startswith(_NEED_TORCH)}
__all__ = [name for name in _names if name not in _heavy]


def __getattr__(name: str) -> Any:
    if "Auto" in name and name not in _listed:
        from automodel_core import auto

        return getattr(auto, name)
    return _attribute(name)
