"""``check``: the conformance suite, without a test file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from automodel_core import registry
from automodel_core.cli.output import note, print_json
from automodel_core.errors import ConfigurationError, InputError, shown

__all__ = ["check"]

SIZES = (
    ("vocab_size", 99),
    ("layers", 2),
    ("layer", 2),
    ("heads", 4),
    ("head", 4),
    ("patch", 4),
    ("stride", 4),
)
"""Parts of the names of fields, and the sizes that make a model tiny."""
POSITIONS, WIDTH, LARGE = 64, 16, 64


def check(options: argparse.Namespace) -> int:
    """Run the suite for a model type, or for each of a distribution; 1 if a check fails."""
    from automodel_core.testing import check_architecture

    given = None if options.config is None else read_config(Path(options.config))
    reports = {}
    for model_type in model_types(options.name):
        values = tiny(model_type) if given is None else given
        note(f"{model_type}: checking with {json.dumps(values)}")
        decodes = {"causal-lm": {"is_decoder": True}}
        bothways = {"causal-lm", "masked-lm"} <= set(registry.get(model_type).models)
        reports[model_type] = check_architecture(
            model_type, values, task_configs=decodes if bothways else None
        )
    if options.json:
        print_json(
            {
                model_type: {
                    "passed": list(report.passed),
                    "failed": {name: str(error) for name, error in report.failed.items()},
                    "not_applicable": dict(report.not_applicable),
                }
                for model_type, report in reports.items()
            }
        )
    else:
        for model_type, report in reports.items():
            print(f"{model_type}: {report}")
    return int(any(report.failed for report in reports.values()))


def model_types(name: str) -> tuple[str, ...]:
    """Return the model types of a distribution, or the one that bears the name."""
    for record in registry.plugins.records():
        if record.is_architecture and record.distribution == name:
            return tuple(record.names)
    return (registry.get(name).model_type,)


def read_config(path: Path) -> dict[str, Any]:
    """Return the keys of a file; raise `InputError` if it holds no JSON object."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"--config {shown(str(path))} is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"--config {shown(str(path))} must hold a JSON object")
    return {key: value for key, value in values.items() if key != "model_type"}


def tiny(model_type: str) -> dict[str, Any]:
    """Return keys that make a model tiny, guessed from the names and defaults of its fields.

    Raises `InputError` where the guess makes no configuration.
    """
    config_class = registry.architectures.config_class(model_type)
    values: dict[str, Any] = {}
    for name, field in config_class._fields().items():
        size = smaller(name, field.default)
        if field.own and size != field.default:
            values[name] = size
    try:
        config = config_class(**values)
    except ConfigurationError as error:
        raise InputError(
            f"no tiny configuration of {shown(model_type)} can be guessed ({error}): "
            "give one with --config tiny.json"
        ) from None
    if config.pad_token_id is None:
        values["pad_token_id"] = 0
    if config.is_encoder_decoder and config.decoder_start_token_id is None:
        values["decoder_start_token_id"] = config.pad_token_id or 0
    return values


def smaller(name: str, default: Any) -> Any:
    """Return a value for a field that makes a model tiny and its training undisturbed."""
    if name.startswith("forced_"):
        return None
    if name.endswith("layerdrop"):
        return 0.0
    if isinstance(default, bool) or not isinstance(default, int) or "distance" in name:
        return default
    if name.endswith("token_id"):
        return min(default, 2)
    if "position" in name:
        return min(default, POSITIONS)
    for part, size in SIZES:
        if part in name:
            return min(default, size)
    return WIDTH if default >= LARGE else default
