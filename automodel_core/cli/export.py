"""``export``: a checkpoint's model as a program for other runtimes."""

from __future__ import annotations

import argparse
from typing import Any

from automodel_core.auto.plan import readable_size
from automodel_core.cli.checkpoints import auto_class_for, hub_arguments
from automodel_core.cli.output import print_json
from automodel_core.errors import CheckpointNotFoundError, UnsupportedTaskError

__all__ = ["export"]


def export(options: argparse.Namespace) -> int:
    """Write the program, and print what it reads and returns."""
    from automodel_core.exporting import export_model

    arguments = {**hub_arguments(options), "plugin": options.plugin}
    auto_class = auto_class_for(options, arguments)
    loading = arguments if options.dtype is None else {**arguments, "dtype": options.dtype}
    model = auto_class.from_pretrained(options.name, **loading)
    beside = _preprocessor(options.name, arguments)
    done = export_model(model, options.folder, to=options.to, beside=beside)
    size = sum(path.stat().st_size for path in done.file.parent.glob(f"{done.file.name}*"))
    if options.json:
        print_json({**vars(done), "file": str(done.file), "bytes": size})
        return 0
    print(f"{done.file}  {readable_size(size)}")
    print(f"reads {', '.join(done.inputs)}; returns {', '.join(done.outputs)}")
    print(f"differs from the model by {done.difference:.1e} on inputs of another size")
    return 0


def _preprocessor(name: str, arguments: dict[str, Any]) -> Any:
    """Return the checkpoint's processor, tokenizer or image processor, if it has one."""
    from automodel_core import auto

    for kind in (auto.AutoProcessor, auto.AutoTokenizer, auto.AutoImageProcessor):
        try:
            return kind.from_pretrained(name, **arguments)
        except (CheckpointNotFoundError, UnsupportedTaskError):
            continue
    return None
