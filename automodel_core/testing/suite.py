"""The suite: which checks there are, and how to run them, with pytest or without."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from automodel_core import registry
from automodel_core.errors import InputError, MissingExtraError, shown
from automodel_core.testing.case import Inputs, Subject
from automodel_core.testing.check import Check, CheckFailedError, Rule
from automodel_core.testing.checkpoint_checks import CHECKPOINT_CHECKS
from automodel_core.testing.forward_checks import FORWARD_CHECKS
from automodel_core.testing.generation_checks import GENERATION_CHECKS
from automodel_core.testing.input_checks import INPUT_CHECKS
from automodel_core.testing.plugin_checks import PLUGIN_CHECKS
from automodel_core.testing.preprocessing_checks import IMAGE_CHECKS, TOKENIZER_CHECKS
from automodel_core.testing.training_checks import TRAINING_CHECKS
from automodel_core.testing.weight_checks import WEIGHT_CHECKS

__all__ = ["Report", "architecture_checks", "check_architecture", "checks_of", "minimum"]

TASK_CHECKS = (
    *CHECKPOINT_CHECKS,
    *WEIGHT_CHECKS,
    *INPUT_CHECKS,
    *FORWARD_CHECKS,
    *TRAINING_CHECKS,
    *GENERATION_CHECKS,
    *IMAGE_CHECKS,
)
TestFunction = TypeVar("TestFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class Report:
    """What became of every check, by id."""

    passed: tuple[str, ...]
    failed: Mapping[str, BaseException]
    expected: Mapping[str, str]
    """Failures that were announced, with their reasons."""
    not_applicable: Mapping[str, str]
    """Checks that are about other models, with the property that this one lacks."""

    @property
    def ran(self) -> int:
        """How many checks came to a result."""
        return len(self.passed) + len(self.failed) + len(self.expected)

    def __str__(self) -> str:
        lines = [
            f"{len(self.passed)} passed, {len(self.failed)} failed, "
            f"{len(self.expected)} failed as announced, {len(self.not_applicable)} not applicable"
        ]
        lines += [f"FAILED {name}: {error}" for name, error in self.failed.items()]
        return "\n".join(lines)


def rules_of(subject: Subject) -> tuple[tuple[Subject, Rule], ...]:
    """Return every rule for an architecture and for each of its tasks, those for others too."""
    tasks = sorted(subject.architecture.models)
    unknown = set(subject.task_values) - set(tasks)
    if unknown:
        raise InputError(f"task_configs name {sorted(unknown)}, the manifest lists {tasks}")
    plugin = tuple((subject, rule) for rule in (*PLUGIN_CHECKS, *TOKENIZER_CHECKS))
    each = (replace(subject, task=task) for task in tasks)
    return plugin + tuple((one, rule) for one in each for rule in TASK_CHECKS)


def not_applicable(rules: Iterable[tuple[Subject, Rule]]) -> dict[str, str]:
    """Return the ids of checks that do not apply, with the property that is lacking."""
    lacking = {one.name_of(rule.function): rule.lacking(one) for one, rule in rules}
    return {name: property_ for name, property_ in lacking.items() if property_}


def checks_of(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
) -> tuple[Check, ...]:
    """Return every check that applies to an architecture, first of the plugin, then of each task.

    ``config`` holds the keys that make it tiny, ``task_configs`` further keys for single tasks.
    ``inputs(task, config)`` returns the arguments of ``forward``, labels included, where the model
    neither reads text nor sees images. Raises `CheckFailedError` if fewer checks apply than
    `minimum` says.
    """
    subject = Subject(model_type, dict(config), dict(task_configs or {}), inputs)
    rules = rules_of(subject)
    others = not_applicable(rules)
    checks = tuple(
        Check(one.name_of(rule.function), rule.function, one)
        for one, rule in rules
        if one.name_of(rule.function) not in others
    )
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
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Run all checks of an architecture and return what became of them.

    ``expected_failures`` maps ids to reasons; one that passes counts as failed, so that the list
    stays true.
    """
    checks = checks_of(model_type, config, task_configs=task_configs, inputs=inputs)
    announced = _announced(checks, expected_failures)
    passed: list[str] = []
    failed: dict[str, BaseException] = {}
    expected: dict[str, str] = {}
    for check in checks:
        try:
            _expecting(check, announced)()
        except Exception as error:  # noqa: BLE001 - whatever a model raises is a result
            failed[check.id] = error
        else:
            if check.id in announced:
                expected[check.id] = announced[check.id]
            else:
                passed.append(check.id)
    subject = Subject(model_type, dict(config), dict(task_configs or {}), inputs)
    others = not_applicable(rules_of(subject))
    return Report(tuple(passed), failed, expected, others)


def architecture_checks(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that runs a pytest function ``def test(check): check()`` for each check.

    The arguments are those of `check_architecture`.
    """
    try:
        import pytest
    except ImportError as error:
        raise MissingExtraError(
            "architecture_checks needs pytest: pip install automodel-core[testing]"
        ) from error

    checks = checks_of(model_type, config, task_configs=task_configs, inputs=inputs)
    announced = _announced(checks, expected_failures)

    return pytest.mark.parametrize(
        "check",
        [pytest.param(_expecting(check, announced), id=check.id) for check in checks],
    )


def _expecting(check: Check, announced: Mapping[str, str]) -> Check:
    """Return the check or, if its failure is announced, one that demands the failure."""
    if check.id not in announced:
        return check

    def fails(subject: Subject) -> None:
        try:
            check.function(subject)
        except Exception:  # noqa: BLE001 - whatever a model raises is a failure
            return
        raise CheckFailedError(f"{check.id} passes; take it off expected_failures")

    return replace(check, function=fails)


def _announced(
    checks: tuple[Check, ...], expected_failures: Mapping[str, str] | None
) -> dict[str, str]:
    announced = dict(expected_failures or {})
    unknown = set(announced) - {check.id for check in checks}
    if unknown:
        raise InputError(f"expected_failures name no check: {shown(sorted(unknown))}")
    return announced
