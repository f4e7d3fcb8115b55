"""A decoding loop of the caller's, as ``generate(custom_generate=...)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from automodel_core.errors import GenerationArgumentError, RemoteCodeRefusedError, shown
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["own_arguments", "published_strategy", "run_custom"]

PUBLISHED = {
    "transformers-community/constrained-beam-search": "constrained_beam",
    "transformers-community/contrastive-search": "contrastive",
    "transformers-community/dola": "dola",
    "transformers-community/group-beam-search": "group_beam",
}
"""Repositories whose code is not needed: what they do is built in."""


def published_strategy(custom_generate: Any) -> str | None:
    """Return the strategy that stands for a repository with code; None for a function or None.

    Raise `RemoteCodeRefusedError` for other repositories.
    """
    if custom_generate is None or callable(custom_generate):
        return None
    if not isinstance(custom_generate, str):
        raise GenerationArgumentError(
            f"custom_generate must be a function, not {shown(custom_generate)}"
        )
    if custom_generate not in PUBLISHED:
        raise RemoteCodeRefusedError(
            f"custom_generate={custom_generate!r} names a repository whose code would be run, "
            "which never happens: pass a function, or install a package with a decoding strategy"
        )
    return PUBLISHED[custom_generate]


def own_arguments(function: Any, kwargs: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """Return those of ``kwargs`` that a custom loop takes and nobody else knows."""
    if not callable(function):
        return {}
    names = set(inspect.signature(function).parameters) - known
    return {name: value for name, value in kwargs.items() if name in names}


def run_custom(
    function: Callable[..., Any],
    session: DecodingSession,
    request: DecodingRequest,
    own: Mapping[str, Any],
) -> Any:
    """Call a loop with the model, the ids and all that belongs to them; return what it returns."""
    arguments = {
        **session.model_arguments(),
        "logits_processor": request.logits_processor,
        "stopping_criteria": request.stopping_criteria,
        "generation_config": request.config,
        "streamer": request.streamer,
        **own,
    }
    parameters = inspect.signature(function).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = {p.name for p in parameters}
        arguments = {name: value for name, value in arguments.items() if name in names}
    return function(session.model, session.prompt, **arguments)
