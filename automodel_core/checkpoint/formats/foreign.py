"""Weights of another framework: what reads them, and what translates them."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from automodel_core import registry
from automodel_core.checkpoint.formats.translated import TranslationOf
from automodel_core.checkpoint.places.files import CheckpointFiles
from automodel_core.errors import PluginNotInstalledError, shown
from automodel_core.registry import CheckpointFormat
from automodel_core.registry.hints import formats, reader_of

__all__ = ["framework_of", "missing_reader", "translation_of"]

_TORCH = "pt"
"""How manifests, and the notes in safetensors files, call torch."""


def framework_of(form: CheckpointFormat, metadata: Mapping[str, str]) -> str:
    """Return whose names and axes the tensors of a format have; safetensors say it in notes."""
    return form.framework if form.framework != _TORCH else metadata.get("format", _TORCH)


def translation_of(form: CheckpointFormat, framework: str, place: str) -> TranslationOf | None:
    """Return what translates the tensors of a format and framework, ``None`` for torch's own.

    Raises `PluginNotInstalledError` that names the distribution if there is none.
    """
    reference = form.translation
    if reference is None and framework != _TORCH:
        others = registry.parts.by_priority(CheckpointFormat)
        found = (other.translation for other in others if other.framework == framework)
        reference = next(filter(None, found), None)
        if reference is None and (known := reader_of(framework)) is not None:
            raise PluginNotInstalledError(
                f"{place}: the weights have the names and axes of {framework}, as format in their "
                f"metadata says; {known.distribution} translates them, and is not installed; run: "
                f"pip install {known.distribution}"
            )
    if reference is None:
        return None
    translation: TranslationOf = registry.resolve(reference)  # type: ignore[assignment]
    return translation


def missing_reader(files: CheckpointFiles, framework: str | None) -> str | None:
    """Return which distribution would read weights that are there, if it is not installed.

    With a ``framework``, only its own count.
    """
    installed = {form.framework for form in registry.parts.by_priority(CheckpointFormat)}
    for known in formats():
        if known.framework in installed or framework not in (None, known.framework):
            continue
        for name in sorted(files.names() or ()):
            if any(fnmatchcase(name, form) for form in known.files):
                return (
                    f"{shown(name)} needs {known.distribution}, which reads the weights of "
                    f"another framework and is not installed; run: pip install {known.distribution}"
                )
    return None
