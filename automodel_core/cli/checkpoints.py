"""``plan``, and what other commands that read a checkpoint share with it."""

from __future__ import annotations

import argparse
from typing import Any

from automodel_core.cli.output import print_json
from automodel_core.errors import UnsupportedTaskError, shown

__all__ = ["auto_class_for", "hub_arguments", "of_file", "plan"]


def plan(options: argparse.Namespace) -> int:
    """Print what ``from_pretrained`` would do."""
    name = options.name
    options, _ = of_file(options)
    arguments = {**hub_arguments(options), "plugin": options.plugin}
    if options.dtype is not None:
        arguments["dtype"] = options.dtype
    auto_class = auto_class_for(options, arguments)
    if options.device_map is not None:
        arguments["device_map"] = options.device_map
    if options.max_memory is not None:
        arguments["max_memory"] = dict(options.max_memory)
    planned = auto_class.plan(name, **arguments)
    if options.json:
        print_json(planned.to_dict())
    else:
        print(planned)
        if options.weights and planned.report is not None:
            print(f"\n{planned.report.table()}", end="")
    return 0


def of_file(options: argparse.Namespace) -> tuple[argparse.Namespace, str | None]:
    """Return the options with a folder as the name, and the weight file in it that was named."""
    from automodel_core.checkpoint.formats.choice import named_weight_file

    file = named_weight_file(options.name)
    if file is None:
        return options, None
    return argparse.Namespace(**{**vars(options), "name": str(file.parent)}), file.name


def hub_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """Return the hub options that were given."""
    chosen = {
        "revision": options.revision,
        "subfolder": options.subfolder,
        "cache_dir": options.cache_dir,
        "local_files_only": options.local_files_only or None,
    }
    return {key: value for key, value in chosen.items() if value is not None}


def auto_class_for(
    options: argparse.Namespace, arguments: dict[str, Any], among: tuple[str, ...] = ()
) -> Any:
    """Return the Auto class of ``--task``, or of the class that the checkpoint was saved from.

    ``among`` are the tasks to choose from, the most likely first; all, if empty.
    """
    from automodel_core import auto, registry

    tasks = registry.parts.every(registry.Task)
    if options.task is not None:
        asked: str = options.task
        named = {task.auto_class_name: name for name, task in tasks.items()}
        task = registry.parts.get(registry.Task, named.get(asked, asked))
        return getattr(auto, task.auto_class_name)
    config = auto.AutoConfig.from_pretrained(
        options.name, **{key: value for key, value in arguments.items() if key != "dtype"}
    )
    served = {}
    for name in among or tuple(tasks):
        try:
            served[name] = registry.architectures.model_reference(
                config, name, plugin=options.plugin
            )
        except UnsupportedTaskError:
            continue
    if not served:
        raise UnsupportedTaskError(
            f"{shown(options.name)} has model type {shown(config.model_type)}, which serves none "
            f"of {', '.join(among or tasks)}"
        )
    saved = config.architectures or ()
    likely = [name for name, ref in served.items() if ref.rpartition(":")[2] in saved]
    # A class that serves pretraining too is asked for by its more specific task.
    chosen = [name for name in likely if name != "pretraining"] or likely or list(served)
    return getattr(auto, tasks[chosen[0]].auto_class_name)
