"""Checks of all parts: their manifests are found, fit, and cost nothing before they are used."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import automodel_core
from automodel_core import registry
from automodel_core.registry.manifest import Head, Task
from automodel_core.testing.check import Rule, require
from automodel_core.testing.extensions.part import Part

__all__ = ["HEAD_PART_CHECKS", "MANIFEST_CHECKS", "TASK_PART_CHECKS"]

_DISCOVERY = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps("torch" in sys.modules))
"""


def finding_it_imports_no_torch(part: Part) -> None:
    """In a process of its own, the plugin module is imported without torch."""
    command = [sys.executable, "-W", "error", "-c", _DISCOVERY, part.module]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    require(ran.returncode == 0, f"a new process cannot import {part.module}: {ran.stderr}")
    require(not json.loads(ran.stdout), f"importing {part.module} imports torch")


def it_is_what_its_name_finds(part: Part) -> None:
    """Nobody else has the name, and no part of the core: asked for, it is found."""
    found: Any = registry.parts.find(type(part.manifest), part.manifest.label)
    require(found == part.manifest, f"{part.manifest.label} finds {found}")


def its_references_resolve(part: Part) -> None:
    """What the manifest names can be imported and called."""
    for field in ("function", "reader", "writer", "opener", "model"):
        reference = vars_of(part.manifest).get(field)
        if reference is not None:
            require(callable(registry.resolve(reference)), f"{field} {reference} is no function")


def vars_of(manifest: Any) -> dict[str, Any]:
    """Return the fields of a manifest, which has slots."""
    return {name: getattr(manifest, name) for name in type(manifest).__dataclass_fields__}


def its_auto_class_is_importable(part: Part) -> None:
    """The Auto class of a task can be imported from ``automodel_core``, and knows its task."""
    auto_class = getattr(automodel_core, part.manifest.auto_class, None)
    require(auto_class is not None, f"automodel_core has no {part.manifest.auto_class}")
    task = vars(auto_class).get("task")
    require(task == part.manifest.name, f"{part.manifest.auto_class} is for {task!r}")


def somebody_serves_it(part: Part) -> None:
    """A model type has a model for the task."""
    served = registry.architectures.serving(part.manifest.name)
    require(served, f"no installed plugin has a model for {part.manifest.name}")


def its_head_belongs_to_nobody_else(part: Part) -> None:
    """The owner of the model type serves no such task, which would come first."""
    head: Head = part.manifest
    require(head.task in registry.parts.every(Task), f"there is no task {head.task!r}")
    owned = registry.get(head.model_type).models
    require(head.task not in owned, f"{owned.get(head.task)} serves {head.task} already")


MANIFEST_CHECKS = (
    Rule(finding_it_imports_no_torch),
    Rule(it_is_what_its_name_finds),
    Rule(its_references_resolve),
)
TASK_PART_CHECKS = (Rule(its_auto_class_is_importable), Rule(somebody_serves_it))
HEAD_PART_CHECKS = (Rule(its_head_belongs_to_nobody_else),)
