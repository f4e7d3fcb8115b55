"""Which pipeline a name means, and which is meant where a caller gives no task or no model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from automodel_core import registry
from automodel_core.errors import (
    InputError,
    UnsupportedTaskError,
    did_you_mean,
    shown,
    warn_caller,
)
from automodel_core.registry.task_table import PIPELINES
from automodel_core.tasks.defaults import NOT_SERVED_YET, usual_checkpoints

__all__ = ["found_pipeline", "get_supported_tasks", "task_of", "usual_checkpoint", "with_languages"]

logger = logging.getLogger(__name__)

TRANSLATION = "translation"


def get_supported_tasks() -> list[str]:
    """Return the names that `pipeline` takes, those of installed plugins among them."""
    return sorted((*registry.parts.pipelines(), "translation_XX_to_YY"))


def found_pipeline(task: str) -> tuple[str, tuple[registry.Task, ...]]:
    """Return the reference of a pipeline and the tasks of its models; the error names near ones."""
    name = task
    if task.startswith(f"{TRANSLATION}_"):
        parts = task.split("_")
        if len(parts) != 4 or parts[2] != "to":
            raise UnsupportedTaskError(
                f"{shown(task)} is no translation: name it like translation_en_to_fr"
            )
        name = TRANSLATION
    found = registry.parts.pipeline(name)
    if found is not None:
        return found
    if name in NOT_SERVED_YET:
        raise UnsupportedTaskError(
            f"task {shown(task)} is known, and no architecture for it is installed"
        )
    tasks = registry.parts.every(registry.Task)
    if name in tasks or name in {one.auto_class_name for one in tasks.values()}:
        one = tasks.get(name) or next(t for t in tasks.values() if t.auto_class_name == name)
        served = ", ".join(one.pipelines) or f"none: use {one.auto_class_name}"
        raise UnsupportedTaskError(f"{shown(task)} is a task of models; its pipelines are {served}")
    known = get_supported_tasks()
    raise UnsupportedTaskError(
        f"task {shown(task)} is not known{did_you_mean(task, known, 3)}; known are "
        f"{', '.join(known)}"
    )


def usual_checkpoint(
    task: str | None, revision: str | None, tokenizer: Any, feature_extractor: Any
) -> tuple[str, str]:
    """Return the checkpoint and revision that a task has if none is named."""
    if task is None:
        raise InputError("give a task or a model: pipeline('fill-mask'), pipeline(model=NAME)")
    for name, part in (("tokenizer", tokenizer), ("feature_extractor", feature_extractor)):
        if part is not None:
            raise InputError(f"{name}= is given without model=: which model is it for?")
    found_pipeline(task)
    usual = usual_checkpoints()
    if task not in usual:
        known = [name for name in usual if name.startswith(task)]
        hint = f", or call pipeline({known[0]!r})" if known else ""
        raise InputError(f"task {shown(task)} has no usual checkpoint: give model={hint}")
    name, commit = usual[task]
    logger.warning(
        "No model is named; %s at revision %s is used. Name both in what is to stay as it is.",
        name,
        revision or commit,
    )
    return name, revision or commit


def task_of(config: Any, classes: Sequence[str] | None) -> str:
    """Return the pipeline for the class of a model, or that a checkpoint was saved from.

    Of several the first is chosen whose components the architecture has.
    """
    named = classes or ()
    names = dict.fromkeys((*(name for name, _, _ in PIPELINES), *registry.parts.pipelines()))
    fitting = []
    for name in names:
        reference, tasks = found_pipeline(name)
        if not any(_class_of(config, task.name) in named for task in tasks):
            continue
        fitting.append(name)
        found: Any = registry.resolve(reference)
        if all(registry.architectures.component_class(config, kind) for kind in found.needs):
            return name
    if fitting:
        return fitting[0]
    raise UnsupportedTaskError(
        f"the checkpoint is of {', '.join(named) or 'no class that it names'}, which has no "
        "pipeline of its own: give the task, such as pipeline('feature-extraction', model=...)"
    )


def _class_of(config: Any, task: str) -> str | None:
    """Return the name of the model class that an architecture has for a task, if it has one."""
    if not registry.architectures.serves(config, task):
        return None
    return registry.architectures.model_reference(config, task).rpartition(":")[2]


def with_languages(task: str, config: Any) -> str:
    """Return the task with the languages that the configuration has settings for."""
    if task != TRANSLATION:
        return task
    settings = config.task_specific_params or {}
    named = next((key for key in settings if key.startswith(f"{TRANSLATION}_")), task)
    if named != task:
        warn_caller(f"task {shown(task)} is taken for {shown(named)}: name the languages in it")
    return named
