"""Checks of all parts: their manifests are found, fit, and cost nothing before they are used."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from typing import Any

import automodel_core
from automodel_core import registry
from automodel_core.registry.imports import import_guarded
from automodel_core.registry.manifest import Head, Task
from automodel_core.testing.check import Rule, require
from automodel_core.testing.extensions.part import Part

__all__ = ["HEAD_PART_CHECKS", "MANIFEST_CHECKS", "TASK_PART_CHECKS"]

_DISCOVERY = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
getattr(module, sys.argv[2])
print(json.dumps("torch" in sys.modules))
"""


def finding_it_imports_no_torch(part: Part) -> None:
    """In a process of its own, the plugin module is imported without torch."""
    imports_no_torch(part.module, "__name__")


def imports_no_torch(module: str, name: str) -> None:
    """Import a name from a module in a process of its own, and see whether torch comes along."""
    command = [sys.executable, "-W", "error", "-c", _DISCOVERY, module, name]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    require(ran.returncode == 0, f"a new process cannot import {module}: {ran.stderr}")
    require(not json.loads(ran.stdout), f"importing {module} imports torch")


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
    name = part.manifest.auto_class_name
    auto_class = getattr(automodel_core, name, None)
    require(auto_class is not None, f"automodel_core has no {name}")
    task = vars(auto_class).get("task")
    require(task == part.manifest.name, f"{name} is for {task!r}")


def states_its_auto_class(part: Part) -> bool:
    """Return whether the task's Auto class is a class of the package."""
    return ":" in part.manifest.auto_class


def its_auto_class_has_types(part: Part) -> None:
    """The package gives its Auto class to type checkers: it names it, and is marked as typed."""
    package = part.manifest.auto_class.partition(".")[0].partition(":")[0]
    name = part.manifest.auto_class_name
    stated = getattr(import_guarded(package, f"package {package}"), name, None)
    require(
        stated is part.resolve("auto_class"),
        f"{package} does not export {name}: list it in its __init__.pyi",
    )
    require((files(package) / "py.typed").is_file(), f"{package} holds no py.typed")
    imports_no_torch(package, name)


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
TASK_PART_CHECKS = (
    Rule(its_auto_class_is_importable),
    Rule(its_auto_class_has_types, states_its_auto_class),
    Rule(somebody_serves_it),
)
HEAD_PART_CHECKS = (Rule(its_head_belongs_to_nobody_else),)
