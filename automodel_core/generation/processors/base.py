"""Logits processors: they change the scores of the next token before it is chosen.

A processor is called with ``input_ids`` (rows, length), the tokens so far, and ``scores``
(rows, vocabulary), and returns scores of the same shape. Any callable with that signature will do;
the classes here have the names that users know. Warpers, which shape a distribution to sample from,
are in `automodel_core.generation.processors.warpers`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown

__all__ = [
    "ExponentialDecayLengthPenalty",
    "ForcedBOSTokenLogitsProcessor",
    "ForcedEOSTokenLogitsProcessor",
    "InPlaceLogitsProcessor",
    "InfNanRemoveLogitsProcessor",
    "LogitNormalization",
    "LogitsProcessor",
    "LogitsProcessorList",
    "MinLengthLogitsProcessor",
    "MinNewTokensLengthLogitsProcessor",
    "PrefixConstrainedLogitsProcessor",
    "SuppressTokensAtBeginLogitsProcessor",
    "SuppressTokensLogitsProcessor",
]

Device = torch.device | str | int | None

TokenIds = int | Sequence[int] | Tensor

Processor = Callable[..., Tensor]
"""Any function of ``input_ids`` and ``scores``; it may take more keywords."""


class LogitsProcessor:
    """Base class of logits processors."""

    remembers: ClassVar[bool] = False
    """Whether the result depends on earlier calls, so that every text is processed in order."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} does not define __call__(input_ids, scores)")


class InPlaceLogitsProcessor(LogitsProcessor):
    """A processor that can overwrite the scores it is given.

    Called as a function it leaves its argument unchanged; ``generate`` owns the scores of a step
    and calls `apply_`, which saves a copy of them.
    """

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} does not define apply_(input_ids, scores)")

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return self.apply_(input_ids, scores.clone())


class LogitsProcessorList(list[Processor]):
    """Apply processors one after the other."""

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        for processor in self:
            scores = processor(input_ids, scores, **_extra_arguments(processor, kwargs))
        return scores

    def in_place(self, *extra: str) -> Processor | None:
        """Return the list as one function that may overwrite its scores; None if it is empty.

        ``extra`` names the keywords that it will be called with, beside ids and scores.
        """
        steps = [(_in_place(p), tuple(_extra_arguments(p, dict.fromkeys(extra)))) for p in self]
        if not steps:
            return None

        def process_(input_ids: Tensor, scores: Tensor, **given: Any) -> Tensor:
            for step, names in steps:
                if names:
                    scores = step(input_ids, scores, **{name: given[name] for name in names})
                else:
                    scores = step(input_ids, scores)
            return scores

        return process_


def _in_place(processor: Processor) -> Processor:
    overridden = type(processor).__call__ is not InPlaceLogitsProcessor.__call__
    if isinstance(processor, InPlaceLogitsProcessor) and not overridden:
        return processor.apply_
    return processor


def _extra_arguments(processor: Processor, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a processor's arguments beyond ids and scores; raise if one is missing."""
    extra = list(inspect.signature(processor).parameters.values())[2:]
    named = [p for p in extra if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in given]
    if missing:
        raise GenerationArgumentError(
            f"logits processor {type(processor).__name__} needs the arguments {missing}; "
            "only input_ids and scores are passed by generate()"
        )
    if any(p.kind is p.VAR_KEYWORD for p in extra):
        return dict(given)
    return {p.name: given[p.name] for p in named if p.name in given}


def id_list(token_ids: TokenIds, name: str = "eos_token_id") -> list[int]:
    """Return token ids given as one id, a sequence or a tensor as a list of valid ids."""
    if isinstance(token_ids, Tensor):
        token_ids = token_ids.flatten().tolist()
    ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
    if not all(isinstance(i, int) and i >= 0 for i in ids):
        raise GenerationArgumentError(f"{name} must be token ids of at least 0, not {shown(ids)}")
    return ids


def checked_integer(value: object, name: str, least: int = 0) -> int:
    """Return an integer of at least ``least``; raise `GenerationArgumentError` for others."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise GenerationArgumentError(
            f"{name} must be an integer of at least {least}, not {shown(value)}"
        )
    return value


class MinLengthLogitsProcessor(InPlaceLogitsProcessor):
    """Forbid the end of the sequence until it has ``min_length`` tokens, prompt included."""

    def __init__(self, min_length: int, eos_token_id: TokenIds, device: Device = None) -> None:
        self.min_length = checked_integer(min_length, "min_length")
        self.eos_token_id = id_list(eos_token_id)

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] < self.min_length:
            forbid_(scores, self.eos_token_id)
        return scores


class MinNewTokensLengthLogitsProcessor(MinLengthLogitsProcessor):
    """Forbid the end of the sequence until ``min_new_tokens`` follow the prompt."""

    def __init__(
        self,
        prompt_length_to_skip: int,
        min_new_tokens: int,
        eos_token_id: TokenIds,
        device: Device = None,
    ) -> None:
        self.prompt_length_to_skip = checked_integer(prompt_length_to_skip, "prompt_length_to_skip")
        self.min_new_tokens = checked_integer(min_new_tokens, "min_new_tokens")
        super().__init__(prompt_length_to_skip + min_new_tokens, eos_token_id)


def forbid_(scores: Tensor, token_ids: Sequence[int]) -> None:
    """Set the columns of ``token_ids`` to minus infinity."""
    for token_id in token_ids:
        if token_id < scores.shape[1]:
            scores[:, token_id] = -math.inf


class SuppressTokensLogitsProcessor(InPlaceLogitsProcessor):
    """Forbid some tokens always."""

    def __init__(self, suppress_tokens: TokenIds, device: Device = None) -> None:
        self.suppress_tokens = id_list(suppress_tokens, "suppress_tokens")
        self._columns: Tensor | None = None

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._columns is None:
            columns = [i for i in self.suppress_tokens if i < scores.shape[1]]
            self._columns = torch.tensor(columns, dtype=torch.long, device=scores.device)
        return scores.index_fill_(1, self._columns, -math.inf)


class SuppressTokensAtBeginLogitsProcessor(InPlaceLogitsProcessor):
    """Forbid some tokens as the first one that is generated."""

    def __init__(
        self, begin_suppress_tokens: TokenIds, begin_index: int, device: Device = None
    ) -> None:
        self.begin_suppress_tokens = id_list(begin_suppress_tokens, "begin_suppress_tokens")
        self.begin_index = begin_index

    def set_begin_index(self, begin_index: int) -> None:
        self.begin_index = begin_index

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] == self.begin_index:
            forbid_(scores, self.begin_suppress_tokens)
        return scores


class ForcedBOSTokenLogitsProcessor(InPlaceLogitsProcessor):
    """Allow only one token right after a decoder prompt of one token."""

    def __init__(self, bos_token_id: int) -> None:
        self.bos_token_id = bos_token_id

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] == 1:
            scores.fill_(-math.inf)
            scores[:, self.bos_token_id] = 0
        return scores


class ForcedEOSTokenLogitsProcessor(InPlaceLogitsProcessor):
    """Allow only the end of the sequence at the last position of ``max_length``."""

    def __init__(self, max_length: int, eos_token_id: TokenIds, device: Device = None) -> None:
        self.max_length = max_length
        self.eos_token_id = id_list(eos_token_id)

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] == self.max_length - 1:
            scores.fill_(-math.inf)
            scores[:, self.eos_token_id] = 0
        return scores


class InfNanRemoveLogitsProcessor(InPlaceLogitsProcessor):
    """Replace NaN by 0 and the infinities by the largest finite numbers."""

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return torch.nan_to_num_(scores, nan=0.0)


class ExponentialDecayLengthPenalty(InPlaceLogitsProcessor):
    """Make the end of the sequence likelier with every token after a start.

    ``exponential_decay_length_penalty`` is (start, factor); the start is counted from the end of
    the prompt.
    """

    def __init__(
        self,
        exponential_decay_length_penalty: tuple[int, float],
        eos_token_id: TokenIds,
        input_ids_seq_length: int,
    ) -> None:
        start, self.regulation_factor = exponential_decay_length_penalty
        self.regulation_start = start + input_ids_seq_length
        self.eos_token_id = id_list(eos_token_id)

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        over = input_ids.shape[1] - self.regulation_start
        if over > 0:
            ends = scores[:, self.eos_token_id]
            gain = ends.abs() * (self.regulation_factor**over - 1)
            scores[:, self.eos_token_id] = ends + gain.masked_fill(~ends.isfinite(), 0.0)
        return scores


class LogitNormalization(LogitsProcessor):
    """Normalise scores to log-probabilities after other processors."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.log_softmax(dim=-1)


class PrefixConstrainedLogitsProcessor(LogitsProcessor):
    """Allow only the tokens that a function returns for the tokens so far.

    The function takes the index of the batch item and the ids (length,) of one row. Where no row of
    an item has a possible token left, the allowed tokens become equally likely, so that the
    constraint holds in any case.
    """

    def __init__(
        self, prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]], num_beams: int
    ) -> None:
        self.allowed = prefix_allowed_tokens_fn
        self.num_beams = num_beams

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        mask = torch.full_like(scores, -math.inf)
        for row, ids in enumerate(input_ids):
            allowed = self.allowed(row // self.num_beams, ids)
            if len(allowed) == 0:
                raise GenerationArgumentError(
                    f"prefix_allowed_tokens_fn allows no token at all for batch item "
                    f"{row // self.num_beams} after {shown(ids.tolist())}"
                )
            mask[row, allowed] = 0
        constrained = scores + mask
        stuck = constrained.amax(dim=-1).isneginf().view(-1, self.num_beams).all(dim=1)
        return torch.where(stuck.repeat_interleave(self.num_beams)[:, None], mask, constrained)
