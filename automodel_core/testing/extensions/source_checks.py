"""Checks of places that checkpoints come from."""

from __future__ import annotations

import tempfile
from typing import Any

from automodel_core.checkpoint import CheckpointFiles, HubOptions, open_checkpoint
from automodel_core.errors import AutomodelError
from automodel_core.testing.check import CheckFailedError, Rule, require
from automodel_core.testing.extensions.part import Part

__all__ = ["SOURCE_CHECKS"]

FOREIGN = ("somebody/model-that-nobody-has", "a name with spaces", "https://example.org/model")


def has_examples(part: Part) -> bool:
    """Return whether names are given that the source knows."""
    return bool(part.examples)


def opened(part: Part, name: str) -> Any:
    """Ask the source for a name."""
    return part.resolve("opener")(name, HubOptions())


def it_passes_on_other_names(part: Part) -> None:
    """Names that are no business of its give ``None``, and no error."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (*FOREIGN, folder):
            try:
                found = opened(part, name)
            except Exception as error:
                raise CheckFailedError(f"{name!r} ends in {type(error).__name__}") from error
            require(found is None, f"{name!r} is answered with {found!r}")


def it_knows_its_names(part: Part) -> None:
    """A name of its own gives files, a configuration among them, and the core finds them by it."""
    for name in part.examples:
        files = opened(part, name)
        require(isinstance(files, CheckpointFiles), f"{name!r} is answered with {files!r}")
        require(files.has("config.json"), f"{name!r} has no config.json")
        require(files.require("config.json").is_file(), f"{name!r}: config.json is no file")
        require(type(open_checkpoint(name)) is type(files), f"another source answers for {name!r}")


def it_stays_in_its_place(part: Part) -> None:
    """Names of files that lead elsewhere are refused."""
    for name in part.examples:
        files = opened(part, name)
        for elsewhere in ("../config.json", "/etc/hostname", "a/../../config.json"):
            try:
                found = files.find(elsewhere)
            except AutomodelError:
                continue
            require(found is None, f"{elsewhere!r} leads to {found}")


SOURCE_CHECKS = (
    Rule(it_passes_on_other_names),
    Rule(it_knows_its_names, has_examples),
    Rule(it_stays_in_its_place, has_examples),
)
