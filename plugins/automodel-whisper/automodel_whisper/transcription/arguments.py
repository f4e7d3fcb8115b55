"""The settings of one call of ``generate``, and what each window's call gets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation import GenerationConfig
from automodel_whisper.transcription.fallback import Thresholds
from automodel_whisper.transcription.segments import Clock
from automodel_whisper.transcription.windows import Plan

OWN_KEYS = (
    "alignment_heads", "forced_decoder_ids", "lang_to_id", "max_initial_timestamp_index",
    "no_timestamps_token_id", "prev_sot_token_id", "task_to_id",
)  # fmt: skip
"""Settings of this architecture's files that a call may replace by keyword."""

OF_SAMPLING = ("top_k", "top_p", "top_h", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
OF_WINDOWS = ("do_sample", "temperature", "num_return_sequences", "max_length")
"""Settings that each window's call gets from `window_settings`."""


def settings_of(
    model: Any,
    given: GenerationConfig | None,
    kwargs: Mapping[str, Any],
    named: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what holds: keywords before ``given``, before the model's own settings."""
    settings = dict(vars(model.generation_config))
    for values in ({} if given is None else given.to_dict(), kwargs, named):
        settings.update({name: value for name, value in values.items() if value is not None})
    ends = settings.get("eos_token_id")
    settings["eos_token_ids"] = tuple(ends) if isinstance(ends, list | tuple) else (ends,)
    if settings.get("pad_token_id") is None:
        settings["pad_token_id"] = settings["eos_token_ids"][0]
    return settings


def settle_timestamps(
    settings: dict[str, Any], asked: bool | None, config: Any, *, is_short: bool
) -> None:
    """Decide whether timestamps are written, and which token is the first of them.

    ``asked`` is what the caller says of it; files often say no, of short recordings.
    """
    untimed = settings.get("no_timestamps_token_id")
    if not is_short and asked is False:
        raise GenerationArgumentError(
            "speech of more than one window is cut by timestamps: leave out "
            f"return_timestamps=False, or give at most {config.max_source_frames} frames"
        )
    settings["return_timestamps"] = bool(settings.get("return_timestamps")) or not is_short
    if settings["return_timestamps"] and untimed is None:
        raise GenerationArgumentError(
            "timestamps need no_timestamps_token_id in the model's generation_config, which an old "
            "checkpoint lacks: take that of the model it was trained from"
        )
    # Without it no token is a timestamp.
    settings["timestamp_begin"] = config.vocab_size if untimed is None else untimed + 1


def plan_of(
    settings: Mapping[str, Any],
    prompt: Tensor | None,
    temperature: float | Sequence[float] | None,
    precisions: tuple[float, float],
    *,
    times: bool,
) -> Plan:
    """Return how recordings are transcribed; ``precisions`` are seconds of a step and a frame."""
    if times and not settings.get("alignment_heads"):
        raise GenerationArgumentError(
            "return_token_timestamps=True needs alignment_heads in the model's generation_config: "
            "the numbers of a layer and of a head, for each head that follows the speech"
        )
    suppressed = settings.get("suppress_tokens") or ()
    start_of_past = settings.get("prev_sot_token_id")
    if start_of_past is None and len(suppressed) > 1:
        start_of_past = list(suppressed)[-2]  # where files without the setting have it
    thresholds = Thresholds(
        settings.get("compression_ratio_threshold"),
        settings.get("logprob_threshold"),
        settings.get("no_speech_threshold"),
    )
    temperatures = temperature if isinstance(temperature, Sequence) else [temperature]
    is_whole = settings.get("return_dict_in_generate") or times or thresholds.logprob is not None
    return Plan(
        settings=settings,
        thresholds=thresholds,
        temperatures=list(temperatures),
        clock=Clock(settings["timestamp_begin"], precisions[0], precisions[1]),
        prompt=prompt,
        prompts_every_window=settings["prompt_condition_type"] == "all-segments",
        start_of_past=start_of_past,
        heads=settings["alignment_heads"] if times else None,
        is_bare=not is_whole,
        once=bool(settings.get("force_unique_generate_call")),
    )


def window_settings(
    settings: Mapping[str, Any],
    kwargs: Mapping[str, Any],
    config: Any,
    prompt_length: int,
    temperature: float | None,
) -> dict[str, Any]:
    """Return the keywords of one window's call, ``kwargs`` of the caller's among them."""
    more = {name: value for name, value in kwargs.items() if name not in OF_WINDOWS}
    if more.get("assistant_model") is not None:
        more["begin_suppress_tokens"] = None  # a draft may end at once
    if settings.get("logprob_threshold") is not None:
        more["output_scores"] = True
    if temperature:
        more |= {"do_sample": True, "temperature": temperature, "num_beams": 1}
    else:
        more = {name: value for name, value in more.items() if name not in OF_SAMPLING}
        more["do_sample"] = False
    return more | _length(settings, config, prompt_length)


def _length(settings: Mapping[str, Any], config: Any, prompt_length: int) -> dict[str, int]:
    """Return how long a window's text may get: limits do not count the prompt, places do."""
    places, new_tokens = config.max_target_positions, settings.get("max_new_tokens")
    if new_tokens is not None:
        if prompt_length + new_tokens > places:
            raise GenerationArgumentError(
                f"max_new_tokens={new_tokens} behind a prompt of {prompt_length} tokens, earlier "
                f"text included, are more than the {places} positions of the decoder: ask for "
                f"{places - prompt_length} or shorten the prompt"
            )
        return {}
    length = settings.get("max_length")
    if length is None:
        return {}
    return {"max_length": min(length + min(prompt_length, places // 2 - 1), places)}
