"""The suite: which checks there are, and how to run them, with pytest or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from automodel_core import registry
from automodel_core.errors import InputError, MissingExtraError, shown
from automodel_core.testing.check import Check, CheckFailedError, NotApplicableError
from automodel_core.testing.checkpoint_checks import CHECKPOINT_CHECKS
from automodel_core.testing.forward_checks import FORWARD_CHECKS
from automodel_core.testing.generation_checks import GENERATION_CHECKS
from automodel_core.testing.plugin_checks import PLUGIN_CHECKS
from automodel_core.testing.subject import Inputs, Subject

__all__ = ["Report", "architecture_checks", "check_architecture", "checks_of", "minimum"]

TASK_CHECKS = (*CHECKPOINT_CHECKS, *FORWARD_CHECKS, *GENERATION_CHECKS)
MUST_RUN = 10
"""So many checks apply to every task, whatever its model is."""

TestFunction = TypeVar("TestFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class Report:
    """What became of every check, by id."""

    passed: tuple[str, ...]
    failed: Mapping[str, BaseException]
    not_applicable: Mapping[str, str]
    expected: Mapping[str, str]
    """Failures that were announced, with their reasons."""

    @property
    def ran(self) -> int:
        """How many checks came to a result."""
        return len(self.passed) + len(self.failed) + len(self.expected)

    def __str__(self) -> str:
        lines = [
            f"{len(self.passed)} passed, {len(self.failed)} failed, {len(self.expected)} failed "
            f"as announced, {len(self.not_applicable)} do not apply"
        ]
        lines += [f"FAILED {name}: {error}" for name, error in self.failed.items()]
        return "\n".join(lines)


def checks_of(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
) -> tuple[Check, ...]:
    """Return every check of an architecture, in the order of the subjects and tasks.

    ``config`` holds the keys that make it tiny, ``task_configs`` further keys for single tasks.
    ``inputs(task, config)`` returns the arguments of ``forward``, labels included, where the model
    reads no text.
    """
    subject = Subject(model_type, dict(config), dict(task_configs or {}), inputs)
    tasks = sorted(subject.architecture.models)
    unknown = set(subject.task_values) - set(tasks)
    if unknown:
        raise InputError(f"task_configs name {sorted(unknown)}, the manifest lists {tasks}")
    checks = [Check(function.__name__, function, subject) for function in PLUGIN_CHECKS]
    for task in tasks:
        one = replace(subject, task=task)
        checks += [Check(f"{f.__name__}-{task}", f, one) for f in TASK_CHECKS]
    return tuple(checks)


def minimum(model_type: str) -> int:
    """Return how many checks must come to a result for a model type, so that none goes missing."""
    return len(PLUGIN_CHECKS) - 1 + MUST_RUN * len(registry.get(model_type).models)


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
    stays true. Raises `CheckFailedError` if fewer checks ran than `minimum` says.
    """
    checks = checks_of(model_type, config, task_configs=task_configs, inputs=inputs)
    announced = _announced(checks, expected_failures)
    passed: list[str] = []
    failed: dict[str, BaseException] = {}
    not_applicable: dict[str, str] = {}
    expected: dict[str, str] = {}
    for check in checks:
        try:
            check()
        except NotApplicableError as reason:
            not_applicable[check.id] = str(reason)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is a result
            if check.id in announced:
                expected[check.id] = announced[check.id]
            else:
                failed[check.id] = error
        else:
            if check.id in announced:
                failed[check.id] = CheckFailedError("it passes; take it off expected_failures")
            else:
                passed.append(check.id)
    report = Report(tuple(passed), failed, not_applicable, expected)
    _require_enough(model_type, report.ran)
    return report


def architecture_checks(
    model_type: str,
    config: Mapping[str, Any],
    *,
    task_configs: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Callable[[str, Any], Inputs] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that runs a pytest function ``def test(check): check()`` for each check.

    The arguments are those of `check_architecture`. A check that does not apply is skipped, and
    one more test fails if fewer than `minimum` checks applied.
    """
    try:
        import pytest
    except ImportError as error:
        raise MissingExtraError(
            "architecture_checks needs pytest: pip install automodel-core[testing]"
        ) from error

    checks = checks_of(model_type, config, task_configs=task_configs, inputs=inputs)
    announced = _announced(checks, expected_failures)
    ran: set[str] = set()
    skipped: set[str] = set()

    def as_test(check: Check) -> Any:
        def run() -> None:
            ran.add(check.id)
            try:
                check()
            except NotApplicableError as reason:
                ran.discard(check.id)
                skipped.add(check.id)
                pytest.skip(str(reason))

        marks = []
        if check.id in announced:
            marks.append(pytest.mark.xfail(reason=announced[check.id], strict=True))
        return pytest.param(run, id=f"{model_type}-{check.id}", marks=marks)

    def enough_checks_ran() -> None:
        if len(ran) + len(skipped) < len(checks):
            pytest.skip("only some of the checks were selected")
        _require_enough(model_type, len(ran))

    tests = [*(as_test(check) for check in checks), pytest.param(enough_checks_ran, id=model_type)]
    return pytest.mark.parametrize("check", tests)


def _require_enough(model_type: str, ran: int) -> None:
    needed = minimum(model_type)
    if ran < needed:
        raise CheckFailedError(f"only {ran} checks of {model_type} ran, {needed} must")


def _announced(
    checks: tuple[Check, ...], expected_failures: Mapping[str, str] | None
) -> dict[str, str]:
    announced = dict(expected_failures or {})
    unknown = set(announced) - {check.id for check in checks}
    if unknown:
        raise InputError(f"expected_failures name no check: {shown(sorted(unknown))}")
    return announced
