# mypy: disable-error-code="empty-body"
"""The plugin contract: every hook that a plugin may implement.

Registration hooks return frozen data from ``automodel_core.registry.manifest``; they are called
once, and classes are named by references, so that a plugin module imports neither torch nor its
own modelling code. ``automodel_architectures`` belongs into a module of the entry-point group
``automodel.architectures``, all others into one of ``automodel.extensions``.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from automodel_core.registry.manifest import (
    Architecture,
    AttentionImplementation,
    CheckpointFormat,
    DecodingStrategy,
    Head,
    LoadContext,
    Quantizer,
    Source,
    Task,
)

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "automodel"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def automodel_architectures() -> Iterable[Architecture]:
    """Return an architecture for each model type that an entry point of this module names."""


@hookspec
def automodel_heads() -> Iterable[Head]:
    """Return models for tasks that the owner of a model type does not serve."""


@hookspec
def automodel_tasks() -> Iterable[Task]:
    """Return new tasks, each with the name of its Auto class."""


@hookspec
def automodel_checkpoint_formats() -> Iterable[CheckpointFormat]:
    """Return formats of weight files."""


@hookspec
def automodel_attention() -> Iterable[AttentionImplementation]:
    """Return attention kernels."""


@hookspec
def automodel_quantizers() -> Iterable[Quantizer]:
    """Return ways to hold weights in fewer bits."""


@hookspec
def automodel_decoding_strategies() -> Iterable[DecodingStrategy]:
    """Return strategies for ``generate``."""


@hookspec
def automodel_sources() -> Iterable[Source]:
    """Return places that checkpoints come from: other hubs, mirrors, stores."""


@hookspec
def automodel_before_load(context: LoadContext) -> None:
    """Observe that a model is about to be loaded; what is raised here becomes a warning."""


@hookspec
def automodel_after_load(context: LoadContext, model: object) -> None:
    """Observe that ``model`` was loaded; what is raised here becomes a warning."""
