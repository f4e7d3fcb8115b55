"""From what the caller passed to one complete generation config."""

from __future__ import annotations

import copy
import difflib
import inspect
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.cache_choice import check_cache_settings
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.settings.checks import problems_of
from automodel_core.generation.settings.generation import DEFAULTS, FIELDS, GenerationConfig

__all__ = ["Settings", "reject_unknown", "resolve_settings", "set_lengths"]

SPECIAL_TOKENS = ("bos_token_id", "decoder_start_token_id", "eos_token_id", "pad_token_id")

NEEDED = ("max_length", "min_length", "use_cache")
"""Settings that None as a keyword does not switch off."""

GENERATE_ARGUMENTS = (
    "inputs", "generation_config", "logits_processor", "stopping_criteria",
    "prefix_allowed_tokens_fn", "streamer", "assistant_model", "negative_prompt_ids",
    "negative_prompt_attention_mask", "progress", "strategy", "tokenizer", "assistant_tokenizer",
    "use_model_defaults", "custom_generate", "synced_gpus",
)  # fmt: skip


class Settings:
    """The complete config, the arguments left for the model, and what the caller set itself."""

    def __init__(
        self, config: GenerationConfig, model_kwargs: dict[str, Any], own: set[str]
    ) -> None:
        self.config = config
        self.model_kwargs = model_kwargs
        self.own = own
        self.default_max_length = False
        self.default_min_length = False


def resolve_settings(
    model: GenerativeModel,
    given: GenerationConfig | None,
    kwargs: Mapping[str, Any],
    use_model_defaults: bool | None = None,
) -> Settings:
    """Merge: keywords before ``generation_config``, before the model's, before the defaults.

    With ``use_model_defaults=False`` only special tokens are taken from the model's.
    """
    config = GenerationConfig() if given is None else copy.deepcopy(given)
    own = {name for name, value in vars(config).items() if value is not None}
    of_model = vars(model.generation_config)
    if use_model_defaults is False:
        of_model = {name: of_model[name] for name in SPECIAL_TOKENS}
    _fill(config, of_model)
    named = {name: value for name, value in kwargs.items() if name in vars(config)}
    own |= {name for name, value in named.items() if value is not None}
    for name, value in named.items():
        setattr(config, name, value)
    settings = Settings(config, {k: v for k, v in kwargs.items() if k not in named}, own)
    settings.default_max_length = config.max_length is None
    settings.default_min_length = config.min_length is None
    switched_off = {name for name in named if named[name] is None} - set(NEEDED)
    _fill(config, {k: v for k, v in DEFAULTS.items() if k not in switched_off})
    _check(config, own)
    return settings


def _fill(config: GenerationConfig, values: Mapping[str, Any]) -> None:
    """Set what is unset, and what is not there at all."""
    for name, value in values.items():
        if vars(config).get(name) is None:
            setattr(config, name, value)


def _check(config: GenerationConfig, own: set[str]) -> None:
    problems = problems_of(vars(config))
    fatal = [problem.text for problem in problems if problem.fatal]
    if fatal:
        raise GenerationArgumentError("; ".join(fatal))
    idle = [problem.text for problem in problems if problem.name in own]
    if idle:
        warnings.warn("; ".join(idle), stacklevel=5)
    check_cache_settings(config, own)


# ---- unknown arguments ----


def reject_unknown(model: GenerativeModel, model_kwargs: Mapping[str, Any]) -> None:
    """Raise for arguments that neither ``generate`` nor the model takes; name the closest."""
    known = _model_arguments(model)
    unknown = [k for k, v in model_kwargs.items() if v is not None and k not in known]
    if unknown:
        hints = [_with_hint(name, {*known, *FIELDS, *GENERATE_ARGUMENTS}) for name in unknown]
        raise GenerationArgumentError(
            f"generate() and {type(model).__name__} take no argument {'; '.join(hints)}"
        )


def _with_hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"{name!r}" + (f" (did you mean {close[0]!r}?)" if close else "")


def _model_arguments(model: GenerativeModel) -> set[str]:
    known = {"decoder_input_ids", "encoder_outputs"} if model.config.is_encoder_decoder else set()
    functions = [model.forward, model.prepare_inputs_for_generation]
    if model.config.is_encoder_decoder:
        functions.append(model.get_encoder().forward)
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        known |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return known


# ---- lengths ----


def set_lengths(model: GenerativeModel, settings: Settings, inputs: DecodingInputs) -> None:
    """Set ``max_length`` and ``min_length`` of the config, counted with the prompt's token ids.

    Raise `GenerationArgumentError` if the model has no positions for the input, or if nothing could
    be generated.
    """
    config = settings.config
    limit = model.config.position_limit
    prompt_length = inputs.prompt.shape[1]
    encoder_ids = inputs.encoder_input_ids
    longest = max(inputs.first_length, 0 if encoder_ids is None else encoder_ids.shape[1])
    if limit is not None and longest > limit:
        raise GenerationArgumentError(
            f"the input has {longest} tokens, and {type(model).__name__} has positions for {limit}"
        )
    embedded = inputs.first_length if inputs.first_length != prompt_length else 0
    max_length, min_length = config.max_length or 0, config.min_length or 0
    if config.max_new_tokens is not None:
        _warn_of_two("max", config, settings.own)
        config.max_length = prompt_length + config.max_new_tokens
    elif settings.default_max_length:
        config.max_length = prompt_length + max_length
        if limit is not None:
            config.max_length = min(config.max_length, limit)
        warnings.warn(
            f"neither max_new_tokens nor max_length is set: at most {max_length} new tokens",
            stacklevel=4,
        )
    elif embedded:
        config.max_length = max_length - embedded
    if config.min_new_tokens is not None:
        _warn_of_two("min", config, settings.own)
        config.min_length = prompt_length + config.min_new_tokens
    elif embedded:
        config.min_length = max(min_length - embedded, 0)
    _check_lengths(config, prompt_length, limit)


def _warn_of_two(which: str, config: GenerationConfig, own: set[str]) -> None:
    names = f"{which}_new_tokens", f"{which}_length"
    if own.issuperset(names):
        used, unused = (f"{name}={vars(config)[name]}" for name in names)
        warnings.warn(f"{used} is used, {unused} is not", stacklevel=5)


def _check_lengths(config: GenerationConfig, prompt_length: int, limit: int | None) -> None:
    max_length, min_length = config.max_length or 0, config.min_length or 0
    if prompt_length >= max_length:
        raise GenerationArgumentError(
            f"the prompt has {prompt_length} tokens and max_length={max_length} counts it too, so "
            "nothing could be generated; set max_new_tokens"
        )
    if min_length > max_length:
        warnings.warn(
            f"a minimum length of {min_length} tokens, prompt included, is over the maximum of "
            f"{max_length}; generation stops at the maximum",
            stacklevel=5,
        )
    if limit is not None and max_length > limit:
        warnings.warn(
            f"up to {max_length} tokens are asked for, and the model has positions for {limit}",
            stacklevel=5,
        )
