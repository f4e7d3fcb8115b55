"""The suite of an architecture: which checks there are, and which apply."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from automodel_core import registry
from automodel_core.errors import InputError
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.architectures.checkpoint_checks import CHECKPOINT_CHECKS
from automodel_core.testing.architectures.comparison_checks import COMPARISON_CHECKS
from automodel_core.testing.architectures.dense_checks import DENSE_CHECKS
from automodel_core.testing.architectures.forward_checks import FORWARD_CHECKS
from automodel_core.testing.architectures.generation_checks import GENERATION_CHECKS
from automodel_core.testing.architectures.input_checks import INPUT_CHECKS
from automodel_core.testing.architectures.keypoint_checks import KEYPOINT_CHECKS
from automodel_core.testing.architectures.plugin_checks import PLUGIN_CHECKS
from automodel_core.testing.architectures.preprocessing_checks import IMAGE_CHECKS, TOKENIZER_CHECKS
from automodel_core.testing.architectures.prompt_checks import PROMPT_CHECKS
from automodel_core.testing.architectures.training_checks import TRAINING_CHECKS
from automodel_core.testing.architectures.weight_checks import WEIGHT_CHECKS
from automodel_core.testing.case import Subject
from automodel_core.testing.check import Check, CheckFailedError, Rule
from automodel_core.testing.reference import DEFAULTS_CHECKS, REFERENCE_CHECKS, reference_tasks
from automodel_core.testing.report import (
    Report,
    TestFunction,
    applicable,
    decorator_for,
    lacking,
    run,
)
from automodel_core.testing.sounds.sound_checks import SOUND_CHECKS

__all__ = ["architecture_checks", "check_architecture", "checks_of", "minimum"]

TASK_CHECKS = (
    *CHECKPOINT_CHECKS,
    *WEIGHT_CHECKS,
    *INPUT_CHECKS,
    *FORWARD_CHECKS,
    *TRAINING_CHECKS,
    *GENERATION_CHECKS,
    *IMAGE_CHECKS,
    *COMPARISON_CHECKS,
    *DENSE_CHECKS,
    *KEYPOINT_CHECKS,
    *PROMPT_CHECKS,
    *SOUND_CHECKS,
    *REFERENCE_CHECKS,
)


def subject_of(
    model_type: str,
    config: Mapping[str, Any],
    task_configs: Mapping[str, Mapping[str, Any]] | None,
    inputs: Callable[[str, Any], Inputs] | None,
    reference: str | os.PathLike[str] | None,
) -> Subject:
    """Return the architecture that is checked; raise `InputError` for a folder of another one."""
    folder = None if reference is None else Path(reference)
    reference_tasks(folder)
    return Subject(model_type, dict(config), dict(task_configs or {}), inputs, reference=folder)


def rules_of(subject: Subject) -> tuple[tuple[Subject, Rule], ...]:
    """Return every rule for an architecture and for each of its tasks, those for others too."""
    tasks = sorted(subject.architecture.models)
    unknown = set(subject.task_values) - set(tasks)
    if unknown:
        raise InputError(f"task_configs name {sorted(unknown)}, the manifest lists {tasks}")
    plugin = tuple(
        (subject, rule) for rule in (*PLUGIN_CHECKS, *TOKENIZER_CHECKS, *DEFAULTS_CHECKS)
    )
    each = (replace(subject, task=task) for task in tasks)
    return plugin + tuple((one, rule) for one in each for rule in TASK_CHECKS)


def checks_of(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
    reference: str | os.PathLike[str] | None = None,
) -> tuple[Check, ...]:
    """Return every check that applies to an architecture, first of the plugin, then of each task.

    ``config`` holds the keys that make it tiny, ``task_configs`` further keys for single tasks.
    ``inputs(task, config)`` returns the arguments of ``forward``, labels included, where the model
    neither reads text nor sees images. ``reference`` is a folder of another implementation's
    numbers, which ``automodel-core reference`` writes. Raises `CheckFailedError` if fewer checks
    apply than `minimum` says.
    """
    subject = subject_of(model_type, config, task_configs, inputs, reference)
    checks = applicable(rules_of(subject))
    if len(checks) < minimum(model_type):
        raise CheckFailedError(
            f"only {len(checks)} checks apply to {model_type}, at least {minimum(model_type)} must"
        )
    return checks


def minimum(model_type: str) -> int:
    """Return how many checks apply to a model type at least, so that none goes missing."""
    return _unconditional(PLUGIN_CHECKS) + _unconditional(TASK_CHECKS) * len(
        registry.get(model_type).models
    )


def _unconditional(rules: tuple[Rule, ...]) -> int:
    return sum(not rule.needs for rule in rules)


def check_architecture(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
    reference: str | os.PathLike[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Run all checks of an architecture and return what became of them.

    ``expected_failures`` maps ids to reasons, beside those that the configuration's class states;
    one that passes counts as failed, so that the list stays true.
    """
    checks = checks_of(
        model_type, config, task_configs=task_configs, inputs=inputs, reference=reference
    )
    subject = subject_of(model_type, config, task_configs, inputs, reference)
    announced = stated_failures(model_type, checks) | dict(expected_failures or {})
    return run(checks, lacking(rules_of(subject)), announced)


def stated_failures(model_type: str, checks: Sequence[Check]) -> dict[str, str]:
    """Return what the configuration's class announces of these checks, with its reasons."""
    stated = registry.architectures.config_class(model_type).expected_failures
    return {check.id: stated[check.id] for check in checks if check.id in stated}


def architecture_checks(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
    reference: str | os.PathLike[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that runs a pytest function ``def test(check): check()`` for each check.

    The arguments are those of `check_architecture`.
    """
    checks = checks_of(
        model_type, config, task_configs=task_configs, inputs=inputs, reference=reference
    )
    announced = stated_failures(model_type, checks) | dict(expected_failures or {})
    return decorator_for(checks, announced)
