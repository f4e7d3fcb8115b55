"""``list`` and ``info``: what is installed, without importing a model."""

from __future__ import annotations

import argparse
from typing import Any

from automodel_core import registry
from automodel_core.cli.output import print_json, print_rows, print_table
from automodel_core.registry import PluginRecord
from automodel_core.registry.manifest import COMPONENT_KINDS

__all__ = ["describe_model_type", "list_plugins", "record_as_dict"]


def list_plugins(options: argparse.Namespace) -> int:
    """Print the installed plugins, what extensions add, and what could be installed.

    Extensions are imported, architectures are not.
    """
    registry.plugins.load_extensions()
    records = registry.plugins.records()
    absent = _not_installed(records)
    if options.json:
        print_json(
            {"plugins": [record_as_dict(record) for record in records], "not_installed": absent}
        )
        return 0
    if records:
        rows = [
            (", ".join(record.names), record.distribution, record.version, str(record.state))
            for record in records
        ]
        print_table(("NAMES", "DISTRIBUTION", "VERSION", "STATE"), rows)
        for record in records:
            if record.adds:
                print(f"{record.distribution} adds: {', '.join(record.adds)}")
    else:
        print("no plugins are installed")
    for distribution, model_types in absent.items():
        print(f"not installed: {', '.join(model_types)} (pip install {distribution})")
    return 0


def describe_model_type(options: argparse.Namespace) -> int:
    """Print who provides a model type, its classes and its tasks."""
    architecture = registry.get(options.model_type, plugin=options.plugin)
    record = next(
        record
        for record in registry.plugins.records()
        if record.is_architecture
        and options.model_type in record.names
        and architecture.config.partition(".")[0] == record.module.partition(".")[0]
    )
    tasks = registry.parts.every(registry.Task)
    models = {
        task: (tasks[task].auto_class_name if task in tasks else "", model)
        for task, model in architecture.models.items()
    }
    heads = [
        head
        for head in registry.parts.every(registry.Head).values()
        if head.model_type == options.model_type and head.task not in models
    ]
    for head in heads:
        added = tasks[head.task].auto_class_name if head.task in tasks else ""
        models[head.task] = added, head.model
    components = {kind: architecture.component(kind) for kind in COMPONENT_KINDS}
    if options.json:
        print_json(
            {
                "model_type": options.model_type,
                "plugin": record_as_dict(record),
                "config": architecture.config,
                "models": {
                    task: {"auto_class": auto_class, "class": model}
                    for task, (auto_class, model) in models.items()
                },
                "added": [head.task for head in heads],
                **components,
            }
        )
        return 0
    print_rows(
        {
            "model type": options.model_type,
            "provided by": f"{record.distribution} {record.version}",
            "code": record.code,
            "config": architecture.config,
            **{kind.replace("_", " "): ref or "" for kind, ref in components.items()},
        }
    )
    print()
    rows = [(task, auto_class, model) for task, (auto_class, model) in models.items()]
    print_table(("TASK", "AUTO CLASS", "CLASS"), rows)
    if heads:
        print(f"added by extensions: {', '.join(head.task for head in heads)}")
    return 0


def record_as_dict(record: PluginRecord) -> dict[str, Any]:
    """Return a record as JSON can hold it."""
    return {
        "names": list(record.names),
        "group": record.group,
        "state": str(record.state),
        "distribution": record.distribution,
        "version": record.version,
        "path": record.path,
        "module": record.module,
        "code": record.code,
        "adds": list(record.adds),
        "cause": record.cause,
        "fix": record.fix,
    }


def _not_installed(records: tuple[PluginRecord, ...]) -> dict[str, list[str]]:
    """Return the model types of the catalogue that nothing provides, by distribution."""
    from automodel_core.registry.hints import catalogue

    present = {name for record in records for name in record.names}
    absent: dict[str, list[str]] = {}
    for model_type, known in catalogue().items():
        if model_type not in present:
            absent.setdefault(known.distribution, []).append(model_type)
    return absent
