"""``doctor``: the state of every plugin, and the versions of the libraries that all need."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from automodel_core import __version__, registry
from automodel_core.cli.installed import record_as_dict
from automodel_core.cli.output import print_json, print_rows
from automodel_core.registry import PluginRecord, PluginState

__all__ = ["doctor"]

FOUNDATIONS = ("torch", "tokenizers", "safetensors", "huggingface_hub", "pluggy")
PROBLEMS = (PluginState.BROKEN, PluginState.INCOMPATIBLE, PluginState.CONFLICT)


def doctor(options: argparse.Namespace) -> int:
    """Print every plugin with what is wrong and the fix; 1 if a plugin cannot be used."""
    records = registry.plugins.load_all() if options.imports else registry.plugins.records()
    problems = [record for record in records if record.state in PROBLEMS]
    variables = {name: os.environ[name] for name in sorted(os.environ) if "AUTOMODEL_" in name}
    versions = {name: _version(name) for name in FOUNDATIONS}
    if options.json:
        print_json(
            {
                "python": platform.python_version(),
                "versions": {"automodel-core": __version__, **versions},
                "environment": variables,
                "plugins": [record_as_dict(record) for record in records],
                "problems": len(problems),
            }
        )
        return 1 if problems else 0
    print_rows(
        {
            "python": platform.python_version(),
            "automodel-core": __version__,
            **{name: found or "not installed" for name, found in versions.items()},
            **variables,
        }
    )
    for record in records:
        print()
        _print_record(record)
    print()
    if problems:
        print(f"{len(problems)} of {len(records)} plugins cannot be used")
    elif not options.imports:
        print(f"nothing wrong with {len(records)} plugins, not imported (--imports tries them)")
    else:
        print(f"nothing wrong with {len(records)} plugins, all imported")
    return 1 if problems else 0


def _print_record(record: PluginRecord) -> None:
    print(f"{', '.join(record.names)}: {record.state}")
    rows = {
        "plugin": f"{record.distribution} {record.version}",
        "code": record.code,
        "metadata": record.path,
        "module": record.module,
        "adds": ", ".join(record.adds),
        "cause": record.cause,
        "fix": record.fix,
    }
    print_rows(rows, indent="  ")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
