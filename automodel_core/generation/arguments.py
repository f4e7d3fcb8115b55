"""From the arguments of ``generate`` to one complete generation config."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from automodel_core.errors import GenerationArgumentError, did_you_mean, warn_caller
from automodel_core.generation.session.checks import check_cache_settings, check_lengths
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.settings.checks import problems_of
from automodel_core.generation.settings.generation import (
    DEFAULTS,
    FIELDS,
    GenerationConfig,
    as_generation_config,
)
from automodel_core.generation.settings.of_model import own_settings
from automodel_core.generation.settings.unread import strategy_of_setting, strategy_settings

__all__ = ["Settings", "resolve_settings", "set_lengths"]

SPECIAL_TOKENS = ("bos_token_id", "decoder_start_token_id", "eos_token_id", "pad_token_id")

NOT_SWITCHED_OFF = ("max_length", "min_length", "use_cache")
"""Settings whose default holds, even if a keyword sets them to None."""

IGNORED = ("trust_remote_code", "labels")
"""Keywords without effect: no code of a repository is ever run, and trainers give whole batches."""

GENERATE_ARGUMENTS = (
    "inputs", "generation_config", "logits_processor", "stopping_criteria",
    "prefix_allowed_tokens_fn", "streamer", "assistant_model", "negative_prompt_ids",
    "negative_prompt_attention_mask", "progress", "strategy", "tokenizer", "assistant_tokenizer",
    "use_model_defaults", "custom_generate", "synced_gpus",
)  # fmt: skip


@dataclass
class Settings:
    """The complete config of a call, and the keywords of ``generate`` that are no settings.

    ``explicit`` names the settings that the caller gave, in a config or by keyword.
    ``model_arguments`` are for the model, ``loop_arguments`` for the caller's own decoding loop.
    """

    config: GenerationConfig
    explicit: set[str]
    model_arguments: dict[str, Any]
    loop_arguments: dict[str, Any] = field(default_factory=dict)
    has_max_length: bool = True
    """Whether the caller or the model sets ``max_length``, so that it is not the default's."""


def resolve_settings(
    model: GenerativeModel,
    given: GenerationConfig | None,
    keywords: Mapping[str, Any],
    use_model_defaults: bool | None = None,
    custom_generate: Callable[..., Any] | str | None = None,
    strategy: str | None = None,
) -> Settings:
    """Merge: keywords before ``generation_config``, before the model's, before the defaults.

    What was set in ``model.config`` since the model was made counts as the model's. With
    ``use_model_defaults=False`` only special tokens are taken from the model's. ``strategy`` may
    have settings of its own. Raise `GenerationArgumentError` for settings that cannot work and for
    keywords that nothing takes.
    """
    keywords = {name: value for name, value in keywords.items() if name not in IGNORED}
    loop_arguments = _loop_arguments(custom_generate, keywords)
    keywords = {name: value for name, value in keywords.items() if name not in loop_arguments}
    config = GenerationConfig() if given is None else copy.deepcopy(as_generation_config(given))
    explicit = {name for name, value in vars(config).items() if value is not None}
    of_model = own_settings(model)
    if use_model_defaults is False:
        of_model = {name: of_model[name] for name in SPECIAL_TOKENS}
    _fill(config, of_model)
    _fill(config, dict.fromkeys(strategy_settings(strategy)))
    named = {name: value for name, value in keywords.items() if name in vars(config)}
    explicit |= {name for name, value in named.items() if value is not None}
    for name, value in named.items():
        setattr(config, name, value)
    settings = Settings(
        config=config,
        explicit=explicit,
        model_arguments={k: v for k, v in keywords.items() if k not in named},
        loop_arguments=loop_arguments,
        has_max_length=config.max_length is not None,
    )
    switched_off = {name for name in named if named[name] is None} - set(NOT_SWITCHED_OFF)
    _fill(config, {k: v for k, v in DEFAULTS.items() if k not in switched_off})
    _check_settings(config, explicit)
    check_cache_settings(config, explicit, keywords.get("past_key_values"))
    _reject_unknown(model, settings.model_arguments)
    return settings


def _fill(config: GenerationConfig, values: Mapping[str, Any]) -> None:
    """Set what is unset, and names that the config does not have yet."""
    for name, value in values.items():
        if vars(config).get(name) is None:
            setattr(config, name, value)


def _loop_arguments(loop: object, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that a custom loop takes and that mean nothing else."""
    if not callable(loop):
        return {}
    names = set(inspect.signature(loop).parameters) - {*FIELDS, *GENERATE_ARGUMENTS}
    return {name: value for name, value in keywords.items() if name in names}


def _check_settings(config: GenerationConfig, explicit: set[str]) -> None:
    problems = problems_of(vars(config))
    fatal = [problem.text for problem in problems if problem.fatal]
    if fatal:
        raise GenerationArgumentError("; ".join(fatal))
    without_effect = [problem.text for problem in problems if problem.name in explicit]
    if without_effect:
        warn_caller("; ".join(without_effect))


# ---- unknown arguments ----


def _reject_unknown(model: GenerativeModel, arguments: Mapping[str, Any]) -> None:
    """Raise for arguments that neither ``generate`` nor the model takes; name the closest."""
    known = _model_parameters(model)
    unknown = [k for k, v in arguments.items() if v is not None and k not in known]
    if unknown:
        possible = {*known, *FIELDS, *GENERATE_ARGUMENTS}
        hints = [f"{name!r}{_hint(name, possible)}" for name in unknown]
        raise GenerationArgumentError(
            f"generate() and {type(model).__name__} take no argument {'; '.join(hints)}"
        )


def _hint(name: str, possible: set[str]) -> str:
    """Return which strategy an argument is for, or the name that it may be meant for."""
    owner = strategy_of_setting(name)
    if owner is not None:
        return f" (which strategy={owner!r} takes)"
    return did_you_mean(name, possible)


def _model_parameters(model: GenerativeModel) -> set[str]:
    known = {"decoder_input_ids", "encoder_outputs"} if model.config.is_encoder_decoder else set()
    functions: list[Callable[..., Any]] = [model.forward, model.prepare_inputs_for_generation]
    if model.config.is_encoder_decoder:
        functions.append(model.get_encoder().forward)
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        known |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return known


# ---- lengths ----


def set_lengths(model: GenerativeModel, settings: Settings, inputs: DecodingInputs) -> int:
    """Set ``max_length`` and ``min_length`` of the config, and return the first.

    They count the prompt's token ids, but not embeddings that are given instead. Raise
    `GenerationArgumentError` if the model has no positions for the input, or if nothing could be
    generated.
    """
    config = settings.config
    prompt_length = inputs.prompt.shape[1]
    embedded = inputs.first_length if inputs.first_length != prompt_length else 0
    max_length, min_length = config.max_length or 0, config.min_length or 0
    if config.max_new_tokens is not None:
        _warn_of_two("max", settings)
        max_length = prompt_length + config.max_new_tokens
    elif not settings.has_max_length:
        warn_caller(
            f"neither max_new_tokens nor max_length is set: at most {max_length} new tokens"
        )
        limit = model.config.position_limit
        max_length = prompt_length + max_length
        max_length = max_length if limit is None else min(max_length, limit)
    elif embedded:
        max_length -= embedded
    if config.min_new_tokens is not None:
        _warn_of_two("min", settings)
        min_length = prompt_length + config.min_new_tokens
    elif embedded:
        min_length = max(min_length - embedded, 0)
    source = inputs.encoder_input_ids
    longest = max(inputs.first_length, 0 if source is None else source.shape[1])
    check_lengths(model, max_length, min_length, prompt_length, longest)
    config.max_length, config.min_length = max_length, min_length
    return max_length


def _warn_of_two(which: str, settings: Settings) -> None:
    names = f"{which}_new_tokens", f"{which}_length"
    if settings.explicit.issuperset(names):
        used, unused = (f"{name}={vars(settings.config)[name]}" for name in names)
        warn_caller(f"{used} is used, {unused} is not")
