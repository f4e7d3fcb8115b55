"""Auto classes of tasks that plugins add, each made once a process."""

from __future__ import annotations

import threading
from types import new_class
from typing import Any

from automodel_core import registry
from automodel_core.auto.model_base import AutoModelBase

__all__ = ["class_of_task"]

PACKAGE = "automodel_core.auto"

_made: dict[tuple[str, str], type[AutoModelBase]] = {}
_lock = threading.Lock()


def class_of_task(name: str) -> type[AutoModelBase] | None:
    """Return the Auto class with this name, or ``None`` if no installed task has it."""
    task = registry.parts.task_of_auto_class(name)
    if task is None:
        return None
    key = (name, task.name)
    with _lock:
        if key not in _made:
            namespace: dict[str, Any] = {"__module__": PACKAGE, "__doc__": task.description}
            _made[key] = new_class(
                name, (AutoModelBase,), {"task": task.name}, lambda body: body.update(namespace)
            )
        return _made[key]
