"""Stopping criteria: they decide when a sequence is finished.

A criterion is called with ``input_ids`` (rows, length), the tokens so far with the newest last, and
``scores``, the recorded scores of all steps or None. It returns whether each row is finished: a
bool tensor (rows,), or one bool for all rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.processors.base import TokenIds, id_list
from automodel_core.generation.session.protocol import TextDecoder

__all__ = [
    "ConfidenceCriteria",
    "EosTokenCriteria",
    "MaxLengthCriteria",
    "MaxTimeCriteria",
    "StopStringCriteria",
    "StoppingCriteria",
    "StoppingCriteriaList",
]

Scores = tuple[Tensor, ...] | None


class StoppingCriteria:
    """Base class of stopping criteria."""

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> Tensor | bool:
        raise TypeError(f"{type(self).__name__} does not define __call__(input_ids, scores)")


Criterion = Callable[..., "Tensor | bool"]
"""Any function of ``input_ids`` and ``scores``; it may be called with more keywords."""


class StoppingCriteriaList(list[Criterion]):
    """Finish a row as soon as one criterion does."""

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> Tensor:
        rows = input_ids.shape[0]
        finished = torch.zeros(rows, dtype=torch.bool, device=input_ids.device)
        for criterion in self:
            finished = finished | criterion(input_ids, scores, **kwargs)
        return finished

    @property
    def max_length(self) -> int | None:
        lengths = [c.max_length for c in self if isinstance(c, MaxLengthCriteria)]
        return lengths[0] if lengths else None

    def split(self) -> tuple[list[EosTokenCriteria], StoppingCriteriaList]:
        """Return the criteria that need only the newest tokens, and the others but for lengths.

        They are told apart by their exact class: a subclass may decide by more.
        """
        ends = [c for c in self if type(c) is EosTokenCriteria]
        cheap = (EosTokenCriteria, MaxLengthCriteria)
        return ends, StoppingCriteriaList(c for c in self if type(c) not in cheap)


class MaxLengthCriteria(StoppingCriteria):
    """Finish all rows at a length in tokens, prompt included."""

    def __init__(self, max_length: int, max_position_embeddings: int | None = None) -> None:
        self.max_length = max_length
        self.max_position_embeddings = max_position_embeddings

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> Tensor:
        return _all(input_ids, input_ids.shape[1] >= self.max_length)


class MaxTimeCriteria(StoppingCriteria):
    """Finish all rows ``max_time`` seconds after the criterion was created."""

    def __init__(self, max_time: float, initial_timestamp: float | None = None) -> None:
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> Tensor:
        return _all(input_ids, time.time() - self.initial_timestamp > self.max_time)


def _all(input_ids: Tensor, finished: bool) -> Tensor:
    return torch.full((input_ids.shape[0],), finished, dtype=torch.bool, device=input_ids.device)


class EosTokenCriteria(StoppingCriteria):
    """Finish a row whose newest token ends a sequence; there may be several such tokens."""

    def __init__(self, eos_token_id: TokenIds) -> None:
        self.eos_token_id = id_list(eos_token_id)

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> Tensor:
        return self.ends(input_ids[:, -1])

    def ends(self, tokens: Tensor) -> Tensor:
        """Return which of ``tokens`` end a sequence, as a bool tensor of their shape."""
        finished = tokens == self.eos_token_id[0]
        for token_id in self.eos_token_id[1:]:
            finished = finished | (tokens == token_id)
        return finished


class ConfidenceCriteria(StoppingCriteria):
    """Finish when the newest token of the first row was less likely than a threshold."""

    def __init__(self, assistant_confidence_threshold: float) -> None:
        self.assistant_confidence_threshold = assistant_confidence_threshold

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> bool:
        if not scores:
            raise GenerationArgumentError("ConfidenceCriteria needs output_scores=True")
        probability = scores[-1][0].softmax(dim=-1)[input_ids[0, -1]]
        return bool(probability < self.assistant_confidence_threshold)


class StopStringCriteria(StoppingCriteria):
    """Finish a row when its newest token completes one of the strings in the decoded text.

    The token may continue after the string, and the string may begin in the prompt.
    """

    def __init__(self, tokenizer: TextDecoder, stop_strings: str | list[str]) -> None:
        strings = [stop_strings] if isinstance(stop_strings, str) else list(stop_strings)
        if not strings or not all(isinstance(text, str) and text for text in strings):
            raise GenerationArgumentError(
                f"stop_strings must be one or more strings that are not empty, not {shown(strings)}"
            )
        self.tokenizer = tokenizer
        self.stop_strings = tuple(strings)
        # A token adds at least one byte; two more, as decoders may treat the first differently.
        self.window = max(len(text.encode()) for text in strings) + 2

    def __call__(self, input_ids: Tensor, scores: Scores, **kwargs: Any) -> Tensor:
        finished = [self._completes(ids) for ids in input_ids[:, -self.window :].tolist()]
        return torch.tensor(finished, dtype=torch.bool, device=input_ids.device)

    def _completes(self, ids: list[int]) -> bool:
        # A character of several tokens decodes to the replacement character until it is whole.
        before = self._decoded(ids[:-1]).rstrip("\ufffd")
        text = self._decoded(ids)
        return any(
            text.find(string, max(0, len(before) - len(string) + 1)) >= 0
            for string in self.stop_strings
        )

    def _decoded(self, ids: list[int]) -> str:
        return self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
