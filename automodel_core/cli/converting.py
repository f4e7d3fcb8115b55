"""``convert``: a checkpoint's weights as safetensors, in another dtype or other shards."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_core.auto.plan import readable_size
from automodel_core.cli.checkpoints import auto_class_for, hub_arguments, of_file
from automodel_core.cli.output import note, print_json
from automodel_core.errors import AutomodelError, InputError, shown

if TYPE_CHECKING:
    from automodel_core.checkpoint.convert import Conversion, Converted
    from automodel_core.checkpoint.places.files import CheckpointFiles

__all__ = ["convert"]

SHORT = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "half": "float16"}
"""Other names of dtypes."""
CARD = "README.md"


def convert(options: argparse.Namespace) -> int:
    """Convert a checkpoint in place, into a folder, or onto the hub."""
    from automodel_core.checkpoint.places.options import HubOptions
    from automodel_core.checkpoint.places.source import open_checkpoint

    options, weight_file = of_file(options)
    files = open_checkpoint(options.name, HubOptions(**hub_arguments(options)))
    if options.to_hub is not None and options.folder is None:
        with tempfile.TemporaryDirectory() as folder:
            return _convert(options, files, Path(folder, "checkpoint"), weight_file)
    return _convert(options, files, _target(options, files), weight_file)


def _target(options: argparse.Namespace, files: CheckpointFiles) -> Path:
    """Return the folder to write into: a new one, or that of the checkpoint."""
    from automodel_core.checkpoint.places.folder import LocalFiles

    here = files.folder if isinstance(files, LocalFiles) else None
    if options.folder is None:
        if here is None:
            raise InputError(
                f"{files.place} cannot be converted in place: name a folder, or --to-hub"
            )
        return here
    target = Path(options.folder).expanduser()
    occupied = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if occupied and (here is None or not target.samefile(here)):
        raise InputError(f"{shown(str(target))} exists; name a new folder")
    return target


def _convert(
    options: argparse.Namespace, files: CheckpointFiles, folder: Path, weight_file: str | None
) -> int:
    from automodel_core.checkpoint.convert import convert_files

    with _progress(hidden=options.quiet or options.json) as (started, progress):
        done = convert_files(
            files,
            folder,
            _conversion(options),
            source_variant=options.source_variant,
            weight_file=weight_file,
            started=started,
            progress=progress,
        )
    sizes = {name: (folder / name).stat().st_size for name in done.written}
    address = None if options.to_hub is None else _push(options, files, folder, done)
    place = None if address and options.folder is None else str(folder)
    if options.json:
        print_json({"folder": place, "hub": address, "written": sizes, "copied": done.copied})
        return 0
    for name, size in sizes.items():
        print(f"{name if place is None else folder / name}  {readable_size(size)}")
    if address:
        print(address)
    note(f"{done.count} weights converted, {len(done.copied)} other files copied")
    return 0


@contextmanager
def _progress(*, hidden: bool) -> Iterator[tuple[Any, Any]]:
    """Show a bar on a terminal; yield what to call with the total, and with each step."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    bar_class: Any = tqdm
    with bar_class(unit="B", unit_scale=True, desc="converting", disable=hidden or None) as bar:
        yield bar.reset, bar.update


def _conversion(options: argparse.Namespace) -> Conversion:
    """Return what to write; what the architecture says of it, if it is installed."""
    from automodel_core.checkpoint.convert import Conversion
    from automodel_core.modeling.pretrained.options import dtype_named

    name = options.dtype
    conversion = Conversion(
        dtype=None if name is None else dtype_named(SHORT.get(name, name)),
        variant=options.variant,
        max_shard_size=options.shard_size,
    )
    try:
        return replace(conversion, **_facts(options))
    except AutomodelError as error:
        note(f"weights that share memory are all written, as the model is not known: {error}")
        return conversion


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    """Return which weights are tied or keep their precision, and who says so."""
    import torch

    from automodel_core import registry
    from automodel_core.checkpoint.loading.match import match_names
    from automodel_core.checkpoint.places.hub.model_card import installed_versions
    from automodel_core.modeling.pretrained.saving import tied_on_hub

    config, auto_class = _class_of(options)
    kind: Any = registry.architectures.model_class(config, auto_class.task, plugin=options.plugin)
    with torch.device("meta"):
        model = kind(config)
    names, wide = model.own_names(), set(model.segments_in_fp32())
    needed = {names.to_hub(name).name: None for name in model.state_dict()}

    def hub_names(stored: Iterable[str]) -> dict[str, str]:
        matching = match_names(stored, needed, names, base_prefix=model.base_model_prefix)
        return {name: hub for hub, name in matching.found.items()}

    return {
        "tied": tied_on_hub(model),
        "hub_names": hub_names,
        "in_fp32": lambda hub: any(
            not wide.isdisjoint(module.split(".")) for module in names.to_module(hub)
        ),
        "metadata": installed_versions(registry.architectures.provider(config)),
    }


def _class_of(options: argparse.Namespace) -> tuple[Any, Any]:
    """Return the configuration, and the Auto class that the checkpoint was saved from."""
    from automodel_core.auto.config import AutoConfig

    where = {**hub_arguments(options), "plugin": options.plugin}
    return AutoConfig.from_pretrained(options.name, **where), auto_class_for(options, where)


def _push(
    options: argparse.Namespace, files: CheckpointFiles, folder: Path, done: Converted
) -> str:
    """Upload what was written, with a card of its own; return the address of the commit."""
    from automodel_core import registry
    from automodel_core.checkpoint.places.hub.model_card import CardFacts
    from automodel_core.checkpoint.places.hub.push import push_files, saved_files, source_on_hub
    from automodel_core.checkpoint.save import format_to_write, replaced_files

    config, auto_class = _class_of(options)
    facts = CardFacts(
        kind="model",
        class_name=next(iter(config.architectures or ()), auto_class.__name__),
        loader=auto_class.__name__,
        distribution=registry.architectures.provider(config),
        model_type=config.model_type,
        base_model=source_on_hub(files.name),
    )
    names = [name for name in (*done.written, *done.copied) if name != CARD]
    replaced = replaced_files(format_to_write(None), options.variant)
    uploaded = saved_files(folder, names)
    return push_files(
        uploaded, options.to_hub, facts, {"private": options.private or None}, replaced
    )
