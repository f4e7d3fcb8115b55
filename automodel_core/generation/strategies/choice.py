"""Which loop decodes: a strategy by name, the one that the settings ask for, or the caller's own.

Strategies are looked up in the registry, so that plugins can add more.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from automodel_core import registry
from automodel_core.errors import (
    AutomodelError,
    GenerationArgumentError,
    RemoteCodeRefusedError,
    shown,
)
from automodel_core.generation.arguments import Settings
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.generation.strategies.request import DecodingRequest, DecodingStrategy

__all__ = ["choose_strategy"]

_SETTINGS = (
    ("force_words_ids", "constrained_beam"),
    ("constraints", "constrained_beam"),
    ("penalty_alpha", "contrastive"),
    ("dola_layers", "dola"),
    ("assistant_early_exit", "assisted"),
    ("prompt_lookup_num_tokens", "prompt_lookup"),
)
"""Settings that ask for a strategy when they are set, and which one."""

_NEEDS = {
    ("beam",): "num_beams above 1, do_sample=False and no num_beam_groups",
    ("beam_sample",): "num_beams above 1 and do_sample=True",
    ("beam", "beam_sample"): "num_beams above 1 and no num_beam_groups",
    ("group_beam",): "num_beams and num_beam_groups above 1",
    ("greedy",): "num_beams=1 and do_sample=False",
    ("sample",): "num_beams=1 and do_sample=True",
    ("greedy", "sample"): "num_beams=1",
}
"""The settings that choose the strategies which another one may replace."""

_REPOSITORIES = {
    "transformers-community/constrained-beam-search": "constrained_beam",
    "transformers-community/contrastive-search": "contrastive",
    "transformers-community/dola": "dola",
    "transformers-community/group-beam-search": "group_beam",
}
"""Repositories with decoding loops that are built in here, so that their code is not needed."""


def choose_strategy(
    settings: Settings,
    name: str | None,
    custom_generate: Callable[..., Any] | str | None,
    assistant_model: object,
) -> DecodingStrategy:
    """Return the strategy that the arguments of ``generate`` and the settings ask for.

    A function as ``custom_generate`` is the strategy itself. Raise `GenerationArgumentError` for
    strategies that exclude each other, and `RemoteCodeRefusedError` for a repository whose code
    would have to be run.
    """
    if callable(custom_generate):
        loop = partial(_run_custom_loop, custom_generate, loop_arguments=settings.loop_arguments)
        return cast(DecodingStrategy, loop)
    if name is None and custom_generate is not None:
        name = _strategy_of_repository(custom_generate)
    return _find_strategy(settings.config, name, has_assistant=assistant_model is not None)


# ---- by name, or by the settings ----


def _find_strategy(
    config: GenerationConfig, name: str | None, *, has_assistant: bool
) -> DecodingStrategy:
    basic, chosen_by = _basic_strategy(config)
    cause = f"strategy={name!r}"
    if name is None:
        asked_for = _special_strategy(config, has_assistant, basic)
        name, cause = asked_for or (basic, chosen_by)
    try:
        needed = registry.parts.get(registry.DecodingStrategy, name).replaces
        if not needed or basic in needed:
            return registry.parts.function(registry.DecodingStrategy, name)
    except AutomodelError as error:
        raise GenerationArgumentError(
            f"{cause} asks for the decoding strategy {name!r}, which is not available: {error}"
        ) from error
    needs = _NEEDS.get(needed, f"settings that choose {' or '.join(needed)}")
    raise GenerationArgumentError(
        f"{cause} asks for the decoding strategy {name!r}, which needs {needs}; {chosen_by} asks "
        f"for {basic!r}"
    )


def _basic_strategy(config: GenerationConfig) -> tuple[str, str]:
    """Return the strategy that beams and sampling ask for, and by which setting."""
    sampling = bool(config.do_sample)
    if (config.num_beams or 1) == 1:
        return ("sample" if sampling else "greedy"), f"do_sample={sampling}"
    if (config.num_beam_groups or 1) > 1:
        return "group_beam", f"num_beam_groups={config.num_beam_groups}"
    return ("beam_sample" if sampling else "beam"), (
        f"num_beams={config.num_beams}" + (" with do_sample=True" if sampling else "")
    )


def _special_strategy(
    config: GenerationConfig, has_assistant: bool, basic: str
) -> tuple[str, str] | None:
    """Return the strategy that another setting asks for, and by which, if one does."""
    asked = [
        (strategy, f"{setting}={shown(vars(config)[setting], 60)}")
        for setting, strategy in _SETTINGS
        if vars(config)[setting] and _has_effect(setting, config, basic)
    ]
    if has_assistant:
        asked.insert(0, ("assisted", "assistant_model"))
    if config.use_mtp or config.speculation_type:
        setting = "use_mtp" if config.use_mtp else "speculation_type"
        raise GenerationArgumentError(
            f"{setting}={shown(vars(config)[setting])}: no model here drafts its own tokens in "
            "that way; give an assistant_model, or set prompt_lookup_num_tokens"
        )
    if not asked:
        return None
    strategy, cause = asked[0]
    for other, also in asked[1:]:
        if other != strategy:
            raise GenerationArgumentError(
                f"{cause} asks for the decoding strategy {strategy!r} and {also} for {other!r}: "
                "choose one of them"
            )
    return strategy, cause


def _has_effect(setting: str, config: GenerationConfig, basic: str) -> bool:
    """Return whether a setting counts: contrastive search is greedy, among several candidates."""
    if setting != "penalty_alpha":
        return True
    return basic == "greedy" and (config.top_k or 0) > 1


# ---- a loop of the caller's ----


def _strategy_of_repository(custom_generate: object) -> str:
    if not isinstance(custom_generate, str):
        raise GenerationArgumentError(
            f"custom_generate must be a function, not {shown(custom_generate)}"
        )
    if custom_generate not in _REPOSITORIES:
        raise RemoteCodeRefusedError(
            f"custom_generate={custom_generate!r} names a repository whose code would be run, "
            "which never happens: pass a function, or install a package with a decoding strategy"
        )
    return _REPOSITORIES[custom_generate]


def _run_custom_loop(
    loop: Callable[..., Any],
    session: DecodingSession,
    request: DecodingRequest,
    *,
    loop_arguments: Mapping[str, Any],
) -> Any:
    """Call a loop with the model, the ids, and the keywords that it takes; return its result."""
    arguments = {
        **session.model_arguments(),
        "logits_processor": request.logits_processor,
        "stopping_criteria": request.stopping_criteria,
        "generation_config": request.config,
        "streamer": request.streamer,
        **loop_arguments,
    }
    parameters = inspect.signature(loop).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = {p.name for p in parameters}
        arguments = {name: value for name, value in arguments.items() if name in names}
    return loop(session.model, session.prompt, **arguments)
