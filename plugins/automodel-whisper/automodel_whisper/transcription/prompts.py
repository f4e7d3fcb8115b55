"""What the decoder reads before it writes: earlier text, a language, a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, InputError, shown
from automodel_whisper.languages import TASKS, language_code

Settings = Mapping[str, Any]
PROMPT_TYPES = ("first-segment", "all-segments")


def start_tokens(
    settings: Settings,
    old_tokens: Any,
    batch: int,
    detect: Callable[[], Tensor],
) -> list[list[int]]:
    """Return the start token, a language, a task and whether there are timestamps, for each row.

    ``detect`` finds the languages ``(batch,)`` where nothing names them; ``old_tokens`` are pairs
    of places and tokens, as old files have them, which count where neither a task nor a language
    is named.
    """
    language, task = settings.get("language"), settings.get("task")
    first: list[int | None] = [settings["decoder_start_token_id"]]
    if language is None and task is None:
        first += _old_tokens(old_tokens)
    languages: list[int] | None = None
    if language is not None:
        languages = _language_ids(settings, language, batch)
    elif settings.get("lang_to_id") is not None and (len(first) < 2 or first[1] is None):
        languages = detect().tolist()
    rows = [first]
    if languages is not None:
        rows = [[first[0], each, *first[2:]] for each in languages]
    rows = rows if len(rows) == batch else rows * batch
    return [_with_task(settings, [token for token in row if token is not None]) for row in rows]


def _old_tokens(old_tokens: Any) -> list[int | None]:
    pairs: list[tuple[int, int | None]] = list(old_tokens or ())
    if [place for place, _ in pairs] != list(range(1, len(pairs) + 1)):
        raise GenerationArgumentError(
            f"forced_decoder_ids={shown(old_tokens)} must name the places 1, 2, ... in their order"
        )
    return [token for _, token in pairs]


def _language_ids(settings: Settings, language: str | Sequence[str], batch: int) -> list[int]:
    known = settings["lang_to_id"]
    languages = [language] if isinstance(language, str) else list(language)
    if not isinstance(language, str) and len(languages) != batch:
        raise GenerationArgumentError(
            f"language names {len(languages)} languages for a batch of {batch}: give one, or one "
            "for each row"
        )
    ids = []
    for each in languages:
        if not isinstance(each, str):
            raise GenerationArgumentError(
                f"language={shown(language)}: give a name or code, or a list with one for each row"
            )
        token = each.lower()
        if token not in known:
            token = f"<|{language_code(each)}|>"
        if token not in known:
            raise InputError(f"the model has no language {shown(each)}; it has {', '.join(known)}")
        ids.append(known[token])
    return ids


def _with_task(settings: Settings, tokens: list[int]) -> list[int]:
    task, tasks = settings.get("task"), settings.get("task_to_id")
    if task is not None:
        if task not in TASKS:
            raise InputError(f"unknown task {shown(task)}: expected one of {', '.join(TASKS)}")
        tokens.append(settings["task_to_id"][task])
    elif settings.get("language") is not None and tasks and not {*tasks.values()} & {*tokens}:
        tokens.append(tasks["transcribe"])
    untimed, timed = settings.get("no_timestamps_token_id"), settings.get("return_timestamps")
    if untimed is not None and not timed and tokens[-1] != untimed:
        tokens.append(untimed)
    elif timed and tokens[-1] == untimed:
        tokens.pop()
    return tokens


def check_settings(settings: Settings, named: Mapping[str, Any]) -> None:
    """Raise for what is ``named`` in a call and the model's settings have no tokens for."""
    multilingual = settings.get("is_multilingual")
    for name, needed in (("language", "lang_to_id"), ("task", "task_to_id")):
        if named.get(name) is None:
            continue
        if multilingual is False:
            raise GenerationArgumentError(
                f"{name}={shown(named[name])}: this model knows English only; leave it out, or "
                "give is_multilingual=True if its settings are wrong"
            )
        if settings.get(needed) is None:
            raise GenerationArgumentError(
                f"{name}={shown(named[name])} needs {needed} in the model's generation_config, "
                "which an old checkpoint lacks: take that of the model it was trained from"
            )
    kind = settings["prompt_condition_type"]
    if kind not in PROMPT_TYPES:
        raise GenerationArgumentError(
            f"prompt_condition_type={shown(kind)}: expected one of {', '.join(PROMPT_TYPES)}"
        )
    if kind == "all-segments" and settings.get("condition_on_prev_tokens") is not True:
        raise GenerationArgumentError(
            "prompt_condition_type='all-segments' needs condition_on_prev_tokens=True"
        )


def unfinished_pair_left_out(tokens: Tensor, timestamp_begin: int) -> Tensor:
    """Return a segment as it is read again: without the second of two timestamps at its end."""
    pair = len(tokens) > 2 and int(tokens[-2]) >= timestamp_begin
    return tokens[:-1] if pair else tokens


def as_prompt(prompt_ids: Any, device: torch.device) -> Tensor | None:
    """Return the caller's prompt as ``(length,)`` ids."""
    if prompt_ids is None:
        return None
    return torch.as_tensor(prompt_ids, dtype=torch.long, device=device).reshape(-1)
