"""``check``: the conformance suite, without a test file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_core import registry
from automodel_core.cli.output import note, print_json
from automodel_core.errors import InputError, shown
from automodel_core.registry.installed.environment import normalised

if TYPE_CHECKING:
    from automodel_core.testing import Report

__all__ = ["check"]


def check(options: argparse.Namespace) -> int:
    """Run the suite for a model type, or for all of a distribution; 1 if a check fails.

    With ``--wheel`` it runs in an environment of its own, with the wheel and what it needs.
    """
    if options.wheel is not None:
        from automodel_core.cli.wheels import check_wheel

        return check_wheel(options)
    if options.name is None:
        raise InputError("name a model type or a distribution, or give --wheel FILE")
    given = None if options.config is None else read_config(Path(options.config))
    reports = reports_of(options.name, given, options.reference)
    if options.json:
        print_json({name: as_dict(report) for name, report in reports.items()})
    else:
        for name, report in reports.items():
            print(f"{name}: {report}")
    return int(any(report.failed for report in reports.values()))


def reports_of(name: str, given: dict[str, Any] | None, reference: str | None) -> dict[str, Report]:
    """Run the suite for each model type of a distribution, and for what it adds to others."""
    from automodel_core.testing import check_architecture, check_extension
    from automodel_core.testing.tiny import decoder_tasks, tiny

    model_types, extends = provided_by(name)
    reports = {}
    for model_type in model_types:
        values = tiny(model_type) if given is None else given
        note(f"{model_type}: checking with {json.dumps(values)}")
        reports[model_type] = check_architecture(
            model_type, values, task_configs=decoder_tasks(model_type), reference=reference
        )
    if extends:
        reports[name] = check_extension(name)
    return reports


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as JSON can hold it."""
    return {
        "passed": list(report.passed),
        "failed": {name: str(error) for name, error in report.failed.items()},
        "failed_as_announced": dict(report.expected),
        "not_applicable": dict(report.not_applicable),
    }


def provided_by(name: str) -> tuple[tuple[str, ...], bool]:
    """Return the model types of a distribution, and whether it extends others; or a model type."""
    key = normalised(name)
    own = [r for r in registry.plugins.records() if normalised(r.distribution) == key]
    if not own:
        return (registry.get(name).model_type,), False
    model_types = [label for record in own if record.is_architecture for label in record.names]
    return tuple(model_types), any(not record.is_architecture for record in own)


def read_config(path: Path) -> dict[str, Any]:
    """Return the keys of a file; raise `InputError` if it holds no JSON object."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"--config {shown(str(path))} is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"--config {shown(str(path))} must hold a JSON object")
    return {key: value for key, value in values.items() if key != "model_type"}
