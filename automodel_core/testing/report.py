"""Run checks, with pytest or without, and say what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from automodel_core.errors import InputError, MissingExtraError, shown
from automodel_core.testing.check import Check, CheckFailedError, Rule

__all__ = ["Report", "decorator_for", "lacking", "run"]

TestFunction = TypeVar("TestFunction", bound=Callable[..., Any])
Rules = Sequence[tuple[Any, Rule]]
"""Rules, each with the subject that it is asked of."""


@dataclass(frozen=True)
class Report:
    """What became of every check, by id."""

    passed: tuple[str, ...]
    failed: Mapping[str, BaseException]
    expected: Mapping[str, str]
    """Failures that were announced, with their reasons."""
    not_applicable: Mapping[str, str]
    """Checks that are about other subjects, with the property that this one lacks."""

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


def lacking(rules: Rules) -> dict[str, str]:
    """Return the ids of checks that do not apply, with the property that is lacking."""
    found = {subject.name_of(rule.function): rule.lacking(subject) for subject, rule in rules}
    return {name: property_ for name, property_ in found.items() if property_}


def applicable(rules: Rules) -> tuple[Check, ...]:
    """Return the checks that apply."""
    others = lacking(rules)
    named = ((subject.name_of(rule.function), rule.function, subject) for subject, rule in rules)
    return tuple(Check(*each) for each in named if each[0] not in others)


def run(
    checks: Sequence[Check], others: Mapping[str, str], expected_failures: Mapping[str, str] | None
) -> Report:
    """Run all checks and return what became of them; ``others`` do not apply.

    ``expected_failures`` maps ids to reasons; one that passes counts as failed, so that the list
    stays true.
    """
    announced = _announced(checks, expected_failures)
    passed: list[str] = []
    failed: dict[str, BaseException] = {}
    expected: dict[str, str] = {}
    for check in checks:
        try:
            _expecting(check, announced)()
        except Exception as error:  # noqa: BLE001 - whatever a subject raises is a result
            failed[check.id] = error
        else:
            if check.id in announced:
                expected[check.id] = announced[check.id]
            else:
                passed.append(check.id)
    return Report(tuple(passed), failed, expected, others)


def decorator_for(
    checks: Sequence[Check], expected_failures: Mapping[str, str] | None
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that makes ``def test(check): check()`` a test for each check."""
    try:
        import pytest
    except ImportError as error:
        raise MissingExtraError(
            "checks as tests need pytest: pip install automodel-core[testing]"
        ) from error
    announced = _announced(checks, expected_failures)
    return pytest.mark.parametrize(
        "check",
        [pytest.param(_expecting(check, announced), id=check.id) for check in checks],
    )


def _expecting(check: Check, announced: Mapping[str, str]) -> Check:
    """Return the check or, if its failure is announced, one that demands the failure."""
    if check.id not in announced:
        return check

    def fails(subject: Any) -> None:
        try:
            check.function(subject)
        except Exception:  # noqa: BLE001 - whatever a subject raises is a failure
            return
        raise CheckFailedError(f"{check.id} passes; take it off expected_failures")

    return replace(check, function=fails)


def _announced(
    checks: Sequence[Check], expected_failures: Mapping[str, str] | None
) -> dict[str, str]:
    announced = dict(expected_failures or {})
    unknown = set(announced) - {check.id for check in checks}
    if unknown:
        raise InputError(f"expected_failures name no check: {shown(sorted(unknown))}")
    return announced
