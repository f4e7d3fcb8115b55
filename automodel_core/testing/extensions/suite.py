"""The suite of an extension: the checks of all that a distribution adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from automodel_core import registry
from automodel_core.errors import InputError, shown
from automodel_core.registry.installed.environment import normalised
from automodel_core.registry.manifest import (
    AttentionImplementation,
    CheckpointFormat,
    DecodingStrategy,
    Head,
    Quantizer,
    Source,
    Task,
)
from automodel_core.testing.case import Subject
from automodel_core.testing.check import Check, CheckFailedError, Rule
from automodel_core.testing.extensions.attention_checks import ATTENTION_CHECKS
from automodel_core.testing.extensions.format_checks import FORMAT_CHECKS
from automodel_core.testing.extensions.manifest_checks import (
    HEAD_PART_CHECKS,
    MANIFEST_CHECKS,
    TASK_PART_CHECKS,
)
from automodel_core.testing.extensions.part import Part
from automodel_core.testing.extensions.quantizer_checks import QUANTIZER_CHECKS
from automodel_core.testing.extensions.source_checks import SOURCE_CHECKS
from automodel_core.testing.extensions.strategy_checks import STRATEGY_CHECKS
from automodel_core.testing.report import (
    Report,
    TestFunction,
    applicable,
    decorator_for,
    lacking,
    run,
)
from automodel_core.testing.suite import TASK_CHECKS
from automodel_core.testing.tiny import decoder_tasks, tiny

__all__ = ["check_extension", "checks_of_extension", "extension_checks"]

PART_CHECKS: Mapping[type[Any], tuple[Rule, ...]] = {
    AttentionImplementation: ATTENTION_CHECKS,
    CheckpointFormat: FORMAT_CHECKS,
    DecodingStrategy: STRATEGY_CHECKS,
    Head: HEAD_PART_CHECKS,
    Quantizer: QUANTIZER_CHECKS,
    Source: SOURCE_CHECKS,
    Task: TASK_PART_CHECKS,
}
"""The checks of each kind of part, beside those of all manifests."""

Configs = Mapping[str, Mapping[str, Any]]
Examples = Mapping[str, tuple[str, ...]]


def rules_of(
    distribution: str, configs: Configs | None, sources: Examples | None
) -> list[tuple[Any, Rule]]:
    """Return every rule for each part of a distribution, and for each model of its heads."""
    rules: list[tuple[Any, Rule]] = []
    for part in parts_of(distribution, sources or {}):
        own = PART_CHECKS[type(part.manifest)]
        rules += [(part, rule) for rule in (*MANIFEST_CHECKS, *own)]
        if isinstance(part.manifest, Head):
            subject = subject_of(part.manifest, configs or {})
            rules += [(subject, rule) for rule in TASK_CHECKS]
    return rules


def parts_of(distribution: str, examples: Examples) -> list[Part]:
    """Return what a distribution adds; raise `InputError` if it adds nothing."""
    parts = [
        Part(candidate.distribution, candidate.module, manifest, examples.get(manifest.label, ()))
        for candidate, declared in registry.plugins.extensions()
        if candidate.key == normalised(distribution)
        for kind in PART_CHECKS
        for manifest in declared.of(kind)
    ]
    if not parts:
        raise InputError(f"{shown(distribution)} is no installed extension, or adds nothing")
    return parts


def subject_of(head: Head, configs: Configs) -> Subject:
    """Return a head as the checks of tasks take it."""
    values = configs.get(head.model_type)
    return Subject(
        head.model_type,
        tiny(head.model_type) if values is None else values,
        decoder_tasks(head.model_type) or {},
        task=head.task,
    )


def checks_of_extension(
    distribution: str, *, configs: Configs | None = None, sources: Examples | None = None
) -> tuple[Check, ...]:
    """Return every check that applies to what a distribution adds.

    ``configs`` maps model types, for which it has heads, to keys that make them tiny; by default
    these are guessed. ``sources`` maps the names of its sources to names of checkpoints that they
    know here. Raises `InputError` if it adds nothing, `CheckFailedError` if checks went missing.
    """
    rules = rules_of(distribution, configs, sources)
    checks = applicable(rules)
    least = sum(not rule.needs for _, rule in rules)
    if len(checks) < least:
        raise CheckFailedError(
            f"only {len(checks)} checks apply to {distribution}, at least {least} must"
        )
    return checks


def check_extension(
    distribution: str,
    *,
    configs: Configs | None = None,
    sources: Examples | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Run all checks of what a distribution adds, as `check_architecture` does."""
    checks = checks_of_extension(distribution, configs=configs, sources=sources)
    others = lacking(rules_of(distribution, configs, sources))
    return run(checks, others, expected_failures)


def extension_checks(
    distribution: str,
    *,
    configs: Configs | None = None,
    sources: Examples | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that makes ``def test(check): check()`` a test for each check."""
    checks = checks_of_extension(distribution, configs=configs, sources=sources)
    return decorator_for(checks, expected_failures)
