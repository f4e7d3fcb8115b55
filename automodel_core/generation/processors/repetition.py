"""Processors that look at the tokens so far: penalties, n-grams, biased and forbidden sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.processors.base import (
    InPlaceLogitsProcessor,
    TokenIds,
    checked_integer,
    id_list,
)

__all__ = [
    "EncoderNoRepeatNGramLogitsProcessor",
    "EncoderRepetitionPenaltyLogitsProcessor",
    "NoBadWordsLogitsProcessor",
    "NoRepeatNGramLogitsProcessor",
    "RepetitionPenaltyLogitsProcessor",
    "SequenceBiasLogitsProcessor",
]


def _positive(penalty: object) -> float:
    number = isinstance(penalty, (int, float)) and not isinstance(penalty, bool)
    if not number or not 0 < penalty < math.inf:  # type: ignore[operator]
        raise GenerationArgumentError(f"penalty must be a number above 0, not {shown(penalty)}")
    return float(penalty)  # type: ignore[arg-type]


def _penalize_(scores: Tensor, token_ids: Tensor, penalty: float) -> Tensor:
    """Divide positive scores of the tokens by the penalty and multiply negative ones."""
    picked = scores.gather(1, token_ids)
    penalized = torch.where(picked < 0, picked * penalty, picked / penalty)
    return scores.scatter_(1, token_ids, penalized)


class RepetitionPenaltyLogitsProcessor(InPlaceLogitsProcessor):
    """Make tokens that occur in the sequence less likely (CTRL, arXiv:1909.05858).

    The first ``prompt_ignore_length`` tokens do not count: one number for all rows, or a tensor
    (batch,); rows of one item of the batch follow each other.
    """

    def __init__(self, penalty: float, prompt_ignore_length: int | Tensor | None = None) -> None:
        self.penalty = _positive(penalty)
        self.prompt_ignore_length = prompt_ignore_length

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        ignored = self.prompt_ignore_length
        if isinstance(ignored, int):
            input_ids = input_ids[:, ignored:]
        elif ignored is not None:
            if ignored.shape[0] < input_ids.shape[0]:
                ignored = ignored.repeat_interleave(input_ids.shape[0] // ignored.shape[0])
            ignored = ignored.to(input_ids.device)[:, None]
            positions = torch.arange(input_ids.shape[1], device=input_ids.device)
            # Ignored tokens are replaced by one that counts: a token is penalised only once.
            input_ids = torch.where(positions < ignored, input_ids.gather(1, ignored), input_ids)
        return _penalize_(scores, input_ids, self.penalty)


class EncoderRepetitionPenaltyLogitsProcessor(InPlaceLogitsProcessor):
    """Make tokens of the encoder's input (batch, length) likelier, with a penalty above 1."""

    def __init__(self, penalty: float, encoder_input_ids: Tensor) -> None:
        self.penalty = 1 / _positive(penalty)
        self.encoder_input_ids = encoder_input_ids

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        repeats = scores.shape[0] // self.encoder_input_ids.shape[0]
        if repeats > 1:
            self.encoder_input_ids = self.encoder_input_ids.repeat_interleave(repeats, dim=0)
        return _penalize_(scores, self.encoder_input_ids.to(scores.device), self.penalty)


def _forbid_ngrams_(windows: Tensor, input_ids: Tensor, scores: Tensor) -> Tensor:
    """Forbid the last token of the windows (rows, windows, n) whose other tokens end the ids."""
    size = windows.shape[2]
    ending = input_ids[:, input_ids.shape[1] + 1 - size :]
    repeated = (windows[..., :-1] == ending[:, None]).all(dim=-1)
    limit = scores.new_full((), math.inf).masked_fill(repeated, -math.inf)
    return scores.scatter_reduce_(1, windows[..., -1], limit, "amin")


class NoRepeatNGramLogitsProcessor(InPlaceLogitsProcessor):
    """Forbid a token that would complete an n-gram for the second time."""

    def __init__(self, ngram_size: int) -> None:
        self.ngram_size = checked_integer(ngram_size, "ngram_size", least=1)

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] < self.ngram_size:
            return scores
        return _forbid_ngrams_(input_ids.unfold(1, self.ngram_size, 1), input_ids, scores)


class EncoderNoRepeatNGramLogitsProcessor(InPlaceLogitsProcessor):
    """Forbid a token that would complete an n-gram of the encoder's input (batch, length)."""

    def __init__(self, encoder_ngram_size: int, encoder_input_ids: Tensor) -> None:
        self.ngram_size = checked_integer(encoder_ngram_size, "encoder_ngram_size", least=1)
        ids = encoder_input_ids if encoder_input_ids.dim() == 2 else encoder_input_ids[None]
        self.windows = (
            ids.unfold(1, self.ngram_size, 1) if ids.shape[1] >= self.ngram_size else None
        )

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self.windows is None or input_ids.shape[1] + 1 < self.ngram_size:
            return scores
        if self.windows.shape[0] != scores.shape[0]:
            repeats = scores.shape[0] // self.windows.shape[0]
            self.windows = self.windows.repeat_interleave(repeats, dim=0)
        return _forbid_ngrams_(self.windows.to(scores.device), input_ids, scores)


class SequenceBiasLogitsProcessor(InPlaceLogitsProcessor):
    """Add a bias to the last token of given sequences where the other tokens precede it.

    ``sequence_bias`` maps tuples of token ids to a number, or lists pairs ``[ids, number]``.
    """

    def __init__(self, sequence_bias: Mapping[tuple[int, ...], float] | Sequence[Any]) -> None:
        pairs = sequence_bias.items() if isinstance(sequence_bias, Mapping) else sequence_bias
        self.sequence_bias = {_sequence(ids): _bias(bias) for ids, bias in pairs}
        self._groups: list[tuple[Tensor, Tensor, Tensor]] | None = None

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._groups is None:
            self._groups = self._prepared(scores)
        for prefixes, last, biases in self._groups:
            size = prefixes.shape[1]
            if size == 0:
                scores.index_add_(1, last, biases.expand(scores.shape[0], -1))
            elif size <= input_ids.shape[1]:
                matching = (input_ids[:, None, -size:] == prefixes).all(dim=-1)
                scores.index_add_(1, last, torch.where(matching, biases, 0.0))
        return scores

    def check(self, vocabulary: int) -> None:
        """Raise for tokens that are not in the vocabulary."""
        largest = max((max(ids) for ids in self.sequence_bias), default=0)
        if largest >= vocabulary:
            raise GenerationArgumentError(
                f"a biased or forbidden sequence holds token {largest}; there are {vocabulary}"
            )

    def _prepared(self, scores: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Group by length: prefixes (sequences, length-1), last ids and biases (sequences,)."""
        self.check(scores.shape[1])
        groups = []
        for length in sorted({len(ids) for ids in self.sequence_bias}):
            group = {ids: b for ids, b in self.sequence_bias.items() if len(ids) == length}
            table = torch.tensor(list(group), device=scores.device)
            biases = torch.tensor(list(group.values()), dtype=scores.dtype, device=scores.device)
            groups.append((table[:, :-1], table[:, -1], biases))
        return groups


def _sequence(ids: object) -> tuple[int, ...]:
    if not isinstance(ids, (tuple, list)) or not ids:
        raise GenerationArgumentError(f"expected a sequence of token ids, not {shown(ids)}")
    return tuple(id_list(ids, "every biased or forbidden sequence"))


def _bias(bias: object) -> float:
    if not isinstance(bias, (int, float)) or isinstance(bias, bool):
        raise GenerationArgumentError(f"expected a number as bias, not {shown(bias)}")
    return float(bias)


class NoBadWordsLogitsProcessor(SequenceBiasLogitsProcessor):
    """Forbid sequences of tokens. A sequence of only the end token stays allowed."""

    def __init__(
        self, bad_words_ids: Sequence[Sequence[int]], eos_token_id: TokenIds | None = None
    ) -> None:
        if not isinstance(bad_words_ids, (list, tuple)) or not bad_words_ids:
            raise GenerationArgumentError(
                f"bad_words_ids must be a list of lists of token ids, not {shown(bad_words_ids)}"
            )
        ends = [] if eos_token_id is None else [(i,) for i in id_list(eos_token_id)]
        words = [_sequence(ids) for ids in bad_words_ids]
        super().__init__({ids: -math.inf for ids in words if ids not in ends})
