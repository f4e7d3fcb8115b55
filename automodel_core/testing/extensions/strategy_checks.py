"""Checks of decoding strategies, on a small decoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation import GenerateOutput
from automodel_core.testing.check import Rule, require
from automodel_core.testing.extensions.part import PROMPT, Part

__all__ = ["STRATEGY_CHECKS"]

NEW_TOKENS = 5
CHOOSING: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sample": {"do_sample": True},
    "beam": {"num_beams": 3},
    "beam_sample": {"num_beams": 3, "do_sample": True},
    "group_beam": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
}
"""The settings that choose each basic strategy."""


def write(part: Part, prompt: Tensor = PROMPT, **more: Any) -> Tensor:
    """Return what the strategy writes after a prompt."""
    basic = next(iter(part.manifest.replaces), "greedy")
    torch.manual_seed(0)
    written: Tensor = part.decoder().generate(
        prompt,
        strategy=part.manifest.name,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=None,
        pad_token_id=0,
        **CHOOSING[basic],
        **more,
    )
    return written


def is_greedy(part: Part) -> bool:
    """Return whether a strategy draws nothing: it may take the place of greedy search only."""
    return bool(part.manifest.replaces == ("greedy",))


def has_settings(part: Part) -> bool:
    """Return whether a strategy has settings of its own."""
    return bool(part.manifest.settings)


def has_needs(part: Part) -> bool:
    """Return whether a strategy may not take the place of every other one."""
    return bool(part.manifest.replaces)


def it_continues_the_prompt(part: Part) -> None:
    """A row for each prompt, which begins with it, and has at most so many new tokens."""
    written = write(part)
    rows, length = PROMPT.shape
    require(len(written) == rows, f"{len(written)} rows for {rows} prompts")
    require(torch.equal(written[:, :length], PROMPT), "a row does not begin with its prompt")
    new = written.shape[1] - length
    require(0 < new <= NEW_TOKENS, f"{new} new tokens, {NEW_TOKENS} at most were asked for")


def it_returns_an_output(part: Part) -> None:
    """With ``return_dict_in_generate=True`` the result is a `GenerateOutput` of the same ids."""
    found: Any = write(part, return_dict_in_generate=True)
    require(isinstance(found, GenerateOutput), f"it returns {type(found).__name__}")
    require(torch.equal(found.sequences, write(part)), "the ids are others than without it")


def it_ends_at_the_end_token(part: Part) -> None:
    """A row ends with ``eos_token_id``, here any token, and ``min_new_tokens`` forbids that."""
    every = list(range(part.decoder().config.vocab_size))
    basic = dict(CHOOSING[next(iter(part.manifest.replaces), "greedy")])
    written = part.decoder().generate(
        PROMPT,
        strategy=part.manifest.name,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=every,
        pad_token_id=0,
        **basic,
    )
    new = written.shape[1] - PROMPT.shape[1]
    require(new == 1, f"{new} new tokens, although each token ends its row")


def it_heeds_what_is_forbidden(part: Part) -> None:
    """Tokens that the logits processors forbid are not written."""
    allowed = 3
    size = part.decoder().config.vocab_size
    written = write(part, suppress_tokens=[token for token in range(size) if token != allowed])
    new = written[:, PROMPT.shape[1] :]
    require(set(new.flatten().tolist()) <= {allowed, 0}, "it writes a token that is forbidden")


def padding_on_the_left_changes_nothing(part: Part) -> None:
    """A row that is padded on the left writes what it writes alone."""
    hidden = 2
    mask = torch.ones_like(PROMPT)
    mask[0, :hidden] = 0
    prompt = PROMPT.masked_fill(mask == 0, 0)
    together = write(part, prompt, attention_mask=mask)[0, hidden:].tolist()
    alone = write(part, prompt[:1, hidden:])[0].tolist()
    same = min(len(together), len(alone))
    require(together[:same] == alone[:same], f"{together} instead of {alone}")


def it_leaves_the_model_as_it_was(part: Part) -> None:
    """Weights and mode of the model stay, and two calls write the same."""
    model = part.decoder()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    basic = CHOOSING[next(iter(part.manifest.replaces), "greedy")]
    written = []
    for _ in range(2):
        torch.manual_seed(0)
        written.append(
            model.generate(
                PROMPT,
                strategy=part.manifest.name,
                max_new_tokens=NEW_TOKENS,
                eos_token_id=None,
                pad_token_id=0,
                **basic,
            )
        )
    require(torch.equal(*written), "a second call writes something else")
    same = all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    require(same and not model.training, "the model is another one afterwards")


def its_settings_are_arguments(part: Part) -> None:
    """``generate`` takes each setting by keyword, also as ``None``."""
    unset: dict[str, Any] = dict.fromkeys(part.manifest.settings)
    write(part, **unset)


def other_settings_are_refused(part: Part) -> None:
    """Settings that choose a strategy whose place it may not take end in an error."""
    others = [name for name in CHOOSING if name not in part.manifest.replaces]
    for other in others:
        try:
            part.decoder().generate(
                PROMPT,
                strategy=part.manifest.name,
                max_new_tokens=NEW_TOKENS,
                pad_token_id=0,
                **CHOOSING[other],
            )
        except GenerationArgumentError:
            continue
        require(False, f"it runs with settings for {other}, which needs= leaves out")


STRATEGY_CHECKS = (
    Rule(it_continues_the_prompt),
    Rule(it_returns_an_output),
    Rule(it_ends_at_the_end_token),
    Rule(it_heeds_what_is_forbidden),
    Rule(padding_on_the_left_changes_nothing, is_greedy),
    Rule(it_leaves_the_model_as_it_was),
    Rule(its_settings_are_arguments, has_settings),
    Rule(other_settings_are_refused, has_needs),
)
