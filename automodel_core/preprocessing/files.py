"""The files of preprocessors.

transformers 4 writes the settings of an image processor or a feature extractor to
``preprocessor_config.json``; transformers 5 nests those of all parts of a processor in
``processor_config.json``, by the name of the part. Video processors have a file of their own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.checkpoint.places.json_files import read_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, open_checkpoint
from automodel_core.errors import CheckpointNotFoundError

__all__ = ["PREPROCESSOR_FILE", "PROCESSOR_FILE", "file_of", "read_settings"]

PREPROCESSOR_FILE = "preprocessor_config.json"
PROCESSOR_FILE = "processor_config.json"
OWN_FILES = {"video_processor": "video_preprocessor_config.json"}
"""The files of kinds of preprocessors that do not share `PREPROCESSOR_FILE`."""


def file_of(kind: str) -> str:
    """Return the name of the file that a kind of preprocessor is saved to."""
    return OWN_FILES.get(kind, PREPROCESSOR_FILE)


def read_settings(
    kind: str,
    name: str | os.PathLike[str],
    arguments: Mapping[str, Any],
    stand_ins: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a checkpoint's ``kind`` of preprocessor, and the other arguments.

    Where it has none, those of the ``stand_ins`` serve, kinds in their order. ``arguments`` are
    those of ``from_pretrained``; ``checkpoint`` among them is the checkpoint already opened.
    Raises `CheckpointNotFoundError` that lists the files present.
    """
    options, rest = HubOptions.split(arguments)
    files: CheckpointFiles | None = rest.pop("checkpoint", None)
    if (file := options.single_file(name)) is not None:
        return _settings_in(read_json(file), kind), rest
    if files is None:
        files = open_checkpoint(name, options)
    for each in (kind, *stand_ins):
        for filename in (PROCESSOR_FILE, file_of(each)):
            path = files.find(filename)
            values = {} if path is None else read_json(path)
            if path is not None and (filename != PROCESSOR_FILE or each in values):
                return _settings_in(values, each), rest
    raise CheckpointNotFoundError(
        f"{files.place} has no {kind.replace('_', ' ')}: {file_of(kind)} was expected; "
        f"{files.present()}"
    )


def _settings_in(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the settings of a file, which may nest them."""
    nested = values.get(kind)
    return dict(nested) if isinstance(nested, Mapping) else dict(values)
