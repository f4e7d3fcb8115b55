"""``plan`` and ``convert``: what a checkpoint is, and its weights in the safe format."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from automodel_core.auto.plan import readable_size
from automodel_core.cli.output import note, print_json
from automodel_core.errors import InputError, UnsupportedTaskError, shown

__all__ = ["auto_class_for", "convert", "hub_arguments", "plan"]

NOT_COPIED = (".bin", ".safetensors", ".h5", ".msgpack", ".ot", ".pt", ".pth", ".index.json")


def plan(options: argparse.Namespace) -> int:
    """Print what ``from_pretrained`` would do."""
    arguments = {**hub_arguments(options), "plugin": options.plugin}
    if options.dtype is not None:
        arguments["dtype"] = options.dtype
    auto_class = auto_class_for(options, arguments)
    planned = auto_class.plan(options.name, **arguments)
    if options.json:
        print_json(planned.to_dict())
    else:
        print(planned)
        if options.weights and planned.report is not None:
            print(f"\n{planned.report.table()}", end="")
    return 0


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
        named = {task.auto_class: name for name, task in tasks.items()}
        task = registry.parts.get(registry.Task, named.get(asked, asked))
        return getattr(auto, task.auto_class)
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
    return getattr(auto, tasks[chosen[0]].auto_class)


def convert(options: argparse.Namespace) -> int:
    """Write a copy of a checkpoint whose weights are safetensors."""
    from automodel_core.checkpoint.formats.choice import find_weights
    from automodel_core.checkpoint.places.options import HubOptions
    from automodel_core.checkpoint.places.source import open_checkpoint

    target = Path(options.folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{shown(str(target))} exists; name a new folder")
    files = open_checkpoint(options.name, HubOptions(**hub_arguments(options)))
    weights = find_weights(files)
    if weights.format.safe:
        raise InputError(
            f"{files.place} has {weights.names[0]} already: there is nothing to convert"
        )

    from automodel_core.checkpoint.places.exchange import exchange_files
    from automodel_core.checkpoint.save import WeightsToSave

    tensors = weights.open()
    state = {name: tensors.tensor(name) for name in tensors}
    ready = WeightsToSave(state, max_shard_size=options.max_shard_size)
    copied = [name for name in sorted(files.names() or ()) if not name.endswith(NOT_COPIED)]
    with exchange_files(target) as exchange:
        written = ready.write(exchange)
        for name in copied:
            shutil.copyfile(files.require(name), exchange.staging / name)
    sizes = {name: (target / name).stat().st_size for name in written}
    if options.json:
        print_json({"folder": str(target), "written": sizes, "copied": copied})
    else:
        for name, size in sizes.items():
            print(f"{target / name}  {readable_size(size)}")
        note(f"{len(state)} weights converted, {len(copied)} other files copied")
    return 0
