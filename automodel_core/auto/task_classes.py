"""Auto classes of tasks that plugins add: their own, or one that is made once a process."""

from __future__ import annotations

import threading
from types import new_class
from typing import Any

from automodel_core import registry
from automodel_core.auto.model_base import AutoModelBase
from automodel_core.errors import PluginBrokenError
from automodel_core.registry import Task, resolve

__all__ = ["class_of_task"]

PACKAGE = "automodel_core.auto"

_made: dict[tuple[str, str], type[AutoModelBase]] = {}
_lock = threading.Lock()


def class_of_task(name: str) -> type[AutoModelBase] | None:
    """Return the Auto class with this name, or ``None`` if no installed task has it.

    Raises `PluginBrokenError` if a manifest names what is no Auto class of its task.
    """
    task = registry.parts.task_of_auto_class(name)
    if task is None:
        return None
    return _made_for(task) if task.auto_class == name else _named_by(task)


def _named_by(task: Task) -> type[AutoModelBase]:
    found = resolve(task.auto_class)
    if (
        isinstance(found, type)
        and issubclass(found, AutoModelBase)
        and vars(found).get("task") == task.name
    ):
        return found
    raise PluginBrokenError(
        f"{task.auto_class} is no Auto class of task {task.name!r}: state it as class "
        f"{task.auto_class_name}(AutoModelBase, task={task.name!r})"
    )


def _made_for(task: Task) -> type[AutoModelBase]:
    name = task.auto_class
    key = (name, task.name)
    with _lock:
        if key not in _made:
            namespace: dict[str, Any] = {"__module__": PACKAGE, "__doc__": task.description}
            _made[key] = new_class(
                name, (AutoModelBase,), {"task": task.name}, lambda body: body.update(namespace)
            )
        return _made[key]
