"""The rules of a generation config: values that cannot work, and values without effect. No torch.

Rules that also need the model, its inputs or a cache are in `session.checks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.settings.compile import compile_config_of
from automodel_core.generation.settings.watermark import watermarking_of

__all__ = ["Problem", "problems_of", "sentences"]


class Problem(NamedTuple):
    """A setting that cannot work (``fatal``) or has no effect, and why."""

    name: str
    text: str
    fatal: bool


class _Rule(NamedTuple):
    expected: str
    holds: Callable[[object], bool]


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)


def _is_ids(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(_is_int(item) for item in value)


_COUNT = _Rule("an integer of at least 1", lambda value: _is_int(value) and value >= 1)
_NATURAL = _Rule("an integer of at least 0", lambda value: _is_int(value) and value >= 0)
_NUMBER = _Rule("a finite number", _is_number)
_POSITIVE = _Rule("a finite number above 0", lambda value: _is_number(value) and value > 0)
_SHARE = _Rule("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
_CUTOFF = _Rule("a number of at least 0 and below 1", lambda v: _is_number(v) and 0 <= v < 1)
_FLAG = _Rule("True or False", lambda value: isinstance(value, bool))
_ID = _Rule("a token id", _is_int)
_IDS = _Rule("a list of token ids", _is_ids)
_ONE_OR_MORE_IDS = _Rule("a token id or a list of them", lambda v: _is_int(v) or _is_ids(v))

_RULES: Mapping[str, _Rule] = {
    "max_length": _COUNT,
    "max_new_tokens": _COUNT,
    "min_length": _NATURAL,
    "min_new_tokens": _NATURAL,
    "early_stopping": _Rule(
        "True, False or 'never'", lambda v: v is True or v is False or v == "never"
    ),
    "max_time": _POSITIVE,
    "do_sample": _FLAG,
    "use_cache": _FLAG,
    "num_beams": _COUNT,
    "num_beam_groups": _COUNT,
    "num_return_sequences": _COUNT,
    "prefill_chunk_size": _COUNT,
    "diversity_penalty": _Rule("a finite number of at least 0", lambda v: _is_number(v) and v >= 0),
    "penalty_alpha": _SHARE,
    "top_k": _NATURAL,
    "top_p": _SHARE,
    "top_h": _Rule("a number above 0 and at most 1", lambda v: _is_number(v) and 0 < v <= 1),
    "min_p": _SHARE,
    "typical_p": _Rule("a number above 0 and at most 1", lambda v: _is_number(v) and 0 < v <= 1),
    "epsilon_cutoff": _CUTOFF,
    "eta_cutoff": _CUTOFF,
    "repetition_penalty": _POSITIVE,
    "encoder_repetition_penalty": _POSITIVE,
    "length_penalty": _NUMBER,
    "guidance_scale": _NUMBER,
    "no_repeat_ngram_size": _NATURAL,
    "encoder_no_repeat_ngram_size": _NATURAL,
    "suppress_tokens": _IDS,
    "begin_suppress_tokens": _IDS,
    "pad_token_id": _ID,
    "bos_token_id": _ID,
    "eos_token_id": _ONE_OR_MORE_IDS,
    "decoder_start_token_id": _ONE_OR_MORE_IDS,
    "forced_bos_token_id": _ID,
    "forced_eos_token_id": _ONE_OR_MORE_IDS,
    "num_assistant_tokens": _COUNT,
    "num_assistant_tokens_schedule": _Rule(
        "'constant', 'heuristic' or 'heuristic_transient'",
        lambda v: v in ("constant", "heuristic", "heuristic_transient"),
    ),
    "assistant_confidence_threshold": _SHARE,
    "assistant_early_exit": _COUNT,
    "assistant_lookbehind": _COUNT,
    "target_lookbehind": _COUNT,
    "assistant_ensemble_weight": _Rule(
        "a number between 0 and 1", lambda v: _is_number(v) and 0 < v < 1
    ),
    "prompt_lookup_num_tokens": _COUNT,
    "max_matching_ngram_size": _COUNT,
    "output_attentions": _FLAG,
    "output_hidden_states": _FLAG,
    "output_scores": _FLAG,
    "output_logits": _FLAG,
    "return_dict_in_generate": _FLAG,
    "remove_invalid_values": _FLAG,
    "pad_beams_with_zero": _FLAG,
    "renormalize_logits": _FLAG,
    "disable_compile": _FLAG,
}

_OBJECTS: Mapping[str, Callable[[object], object]] = {
    "compile_config": compile_config_of,
    "watermarking_config": watermarking_of,
}

_SAMPLING_ONLY: Mapping[str, Any] = {
    "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": None, "top_h": None,
    "typical_p": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0,
}  # fmt: skip
_BEAM_ONLY: Mapping[str, Any] = {"early_stopping": False, "length_penalty": 1.0}
_STATES = ("output_attentions", "output_hidden_states")
_RECORDS = (*_STATES, "output_scores", "output_logits")
_GENERATE_ARGUMENTS = (
    "logits_processor", "stopping_criteria", "prefix_allowed_tokens_fn", "synced_gpus",
    "assistant_model", "streamer", "negative_prompt_ids", "negative_prompt_attention_mask",
)  # fmt: skip


def problems_of(settings: Mapping[str, Any]) -> list[Problem]:
    """Return all settings that cannot work; if there are none, those without effect."""
    problems = [
        Problem(name, f"{name} must be {rule.expected}, not {shown(settings[name])}", True)
        for name, rule in _RULES.items()
        if settings.get(name) is not None and not rule.holds(settings[name])
    ]
    problems += [
        Problem(name, f"{name} is an argument of generate(), not of a generation config", True)
        for name in _GENERATE_ARGUMENTS
        if settings.get(name) is not None
    ]
    for name, read in _OBJECTS.items():
        if settings.get(name) is not None:
            try:
                read(settings[name])
            except GenerationArgumentError as error:
                problems.append(Problem(name, str(error), True))
    if not problems:
        problems += _contradictions(settings)
        problems += _without_effect(settings)
    return problems


def sentences(problems: Iterable[Problem]) -> str:
    """Return the texts of problems as sentences."""
    return " ".join(f"{problem.text}." for problem in problems)


def _contradictions(settings: Mapping[str, Any]) -> list[Problem]:
    problems = []
    sampling = settings.get("do_sample") is True
    temperature = settings.get("temperature")
    if sampling and temperature is not None and not (_is_number(temperature) and temperature > 0):
        text = f"temperature must be a finite number above 0, not {shown(temperature)}"
        problems.append(
            Problem("temperature", f"{text}; for greedy decoding set do_sample=False", True)
        )
    beams = settings.get("num_beams") or 1
    returned = settings.get("num_return_sequences") or 1
    if returned > 1 and beams == 1 and not sampling:
        text = f"num_return_sequences={returned} needs do_sample=True or as many num_beams"
        problems.append(Problem("num_return_sequences", text, True))
    elif 1 < beams < returned:
        text = f"num_return_sequences={returned} is more than num_beams={beams}"
        problems.append(Problem("num_return_sequences", text, True))
    problems += _about_groups(settings, beams)
    problems += _about_compilation(settings)
    suppressed = set(settings.get("suppress_tokens") or ())
    for name in ("forced_bos_token_id", "forced_eos_token_id"):
        forced = settings.get(name)
        ids = {forced} if isinstance(forced, int) else set(forced or ())
        if ids and ids <= suppressed:
            problems.append(Problem(name, f"{name}={forced} is also in suppress_tokens", True))
    return problems


def _about_groups(settings: Mapping[str, Any], beams: int) -> list[Problem]:
    groups = settings.get("num_beam_groups") or 1
    penalty = settings.get("diversity_penalty") or 0.0
    if groups == 1:
        return []
    text = ""
    if beams % groups:
        text = f"num_beams={beams} cannot be divided into num_beam_groups={groups}"
    elif settings.get("do_sample") is True:
        text = f"num_beam_groups={groups} cannot be used with do_sample=True"
    elif penalty <= 0:
        text = f"num_beam_groups={groups} needs a diversity_penalty above 0, or all are the same"
    return [Problem("num_beam_groups", text, True)] if text else []


def _about_compilation(settings: Mapping[str, Any]) -> list[Problem]:
    if settings.get("compile_config") is None or settings.get("disable_compile"):
        return []
    text = ""
    returns = [name for name in _STATES if settings.get(name)]
    if settings.get("use_cache") is False:
        text = "compile_config needs use_cache=True"
    elif settings.get("return_dict_in_generate") is True and returns:
        text = (
            "a compiled step returns neither attentions nor hidden states: leave out "
            f"{' and '.join(returns)}, or compile_config"
        )
    return [Problem("compile_config", text, True)] if text else []


def _without_effect(settings: Mapping[str, Any]) -> list[Problem]:
    problems = []
    if settings.get("do_sample") is not True:
        contrastive = {"top_k"} if settings.get("penalty_alpha") else set()
        neutral = {name: value for name, value in _SAMPLING_ONLY.items() if name not in contrastive}
        problems += _has_no_effect(settings, neutral, "do_sample=True")
    if (settings.get("num_beams") or 1) == 1:
        problems += _has_no_effect(settings, _BEAM_ONLY, "num_beams above 1")
    if settings.get("return_dict_in_generate") is not True:
        problems += _has_no_effect(
            settings, dict.fromkeys(_RECORDS, False), "return_dict_in_generate=True"
        )
    if settings.get("use_cache") is False:
        caching: dict[str, Any] = dict.fromkeys(("cache_implementation", "cache_config"))
        problems += _has_no_effect(settings, caching, "use_cache=True")
    if settings.get("do_sample") is True or (settings.get("num_beams") or 1) > 1:
        problems += _has_no_effect(
            settings, {"penalty_alpha": 0.0}, "num_beams=1 and do_sample=False"
        )
    if not settings.get("penalty_alpha"):
        problems += _has_no_effect(settings, {"low_memory": False}, "penalty_alpha")
    if (settings.get("num_beam_groups") or 1) == 1:
        problems += _has_no_effect(settings, {"diversity_penalty": 0.0}, "num_beam_groups above 1")
    pad = settings.get("pad_token_id")
    if pad is not None and pad < 0:
        text = f"pad_token_id={pad} is negative, so batches cannot be padded"
        problems.append(Problem("pad_token_id", text, False))
    return problems


def _has_no_effect(
    settings: Mapping[str, Any], neutral: Mapping[str, Any], needed: str
) -> list[Problem]:
    return [
        Problem(name, f"{name}={shown(settings[name])} has no effect without {needed}", False)
        for name, value in neutral.items()
        if settings.get(name) is not None and settings[name] != value
    ]
