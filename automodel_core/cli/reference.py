"""``reference``: what transformers gives for a tiny model, to check a plugin with."""

from __future__ import annotations

import argparse
from pathlib import Path

from automodel_core.cli.check import read_config
from automodel_core.cli.output import note, print_json

__all__ = ["reference"]


def reference(options: argparse.Namespace) -> int:
    """Write a folder for ``check --reference``, and print which outputs it has for each task."""
    from automodel_core.testing import Subject
    from automodel_core.testing.reference import record
    from automodel_core.testing.tiny import decoder_tasks, tiny

    model_type = options.model_type
    values = tiny(model_type) if options.config is None else read_config(Path(options.config))
    subject = Subject(model_type, values, decoder_tasks(model_type) or {})
    written = record(subject, Path(options.out), options.task)
    if options.json:
        print_json(written)
    else:
        for task, outputs in written.items():
            print(f"{task}: {', '.join(outputs)}")
    note(f"automodel-core check {model_type} --reference {options.out} compares")
    return 0
