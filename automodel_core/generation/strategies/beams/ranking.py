"""The best finished sequences of one beam search, ranked one by one as they finish.

`candidates.FinishedBeams` does the same for a whole batch at once. Here a search is done as soon as
no unfinished sequence can beat the worst one kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["Ranked", "Ranking", "best_of", "padded_together"]


class Ranked(NamedTuple):
    """A sequence, without the token that ended it, and its score.

    ``ids`` (length,) and ``parents`` (steps,) are its tokens and the rows that they followed.
    """

    score: float
    ids: Tensor
    parents: Tensor
    ended: bool


class Ranking:
    """The ``size`` best sequences of one search.

    A score is the sum of log-probabilities divided by the number of new tokens to the power
    ``length_penalty``.
    """

    def __init__(self, size: int, request: DecodingRequest, prompt_length: int) -> None:
        config = request.config
        self.size = size
        self.prompt_length = prompt_length
        self.most_new_tokens = request.max_length - prompt_length
        self.early_stopping = config.early_stopping
        self.length_penalty = 1.0 if config.length_penalty is None else config.length_penalty
        self.sequences: list[Ranked] = []

    def add(self, total: float, ids: Tensor, parents: Tensor, *, ended: bool) -> None:
        """Keep a sequence of log-probability ``total`` if it is one of the best so far."""
        score = total / self._scale(len(ids) - self.prompt_length + ended)
        if len(self.sequences) == self.size:
            worst = min(range(self.size), key=lambda index: self.sequences[index].score)
            if score <= self.sequences[worst].score:
                return
            del self.sequences[worst]
        self.sequences.append(Ranked(score, ids, parents, ended))

    def is_done(self, best_total: float, length: int) -> bool:
        """Return whether no sequence of ``length`` tokens or more can still rank among the best.

        ``best_total`` is the highest log-probability of the unfinished ones.
        """
        if len(self.sequences) < self.size:
            return False
        if self.early_stopping is True:
            return True
        new_tokens = length - self.prompt_length
        if self.early_stopping == "never" and self.length_penalty > 0.0:
            new_tokens = self.most_new_tokens
        worst = min(sequence.score for sequence in self.sequences)
        return worst >= best_total / self._scale(new_tokens)

    def _scale(self, new_tokens: int) -> float:
        return float(new_tokens**self.length_penalty)


def best_of(rankings: Sequence[Ranking], count: int) -> list[Ranked]:
    """Return the best ``count`` sequences of several rankings, best first; of equals the later."""
    found = [sequence for ranking in rankings for sequence in ranking.sequences]
    return sorted(found, key=lambda sequence: sequence.score)[: -count - 1 : -1]


def padded_together(
    best: Sequence[Ranked], request: DecodingRequest
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids (rows, length), scores (rows,) and parents (rows, steps) of the sequences.

    An ended one is followed by the first of the end tokens, then by padding.
    """
    length = max(len(sequence.ids) + sequence.ended for sequence in best)
    steps = max(len(sequence.parents) for sequence in best)
    pad = 0 if request.pad_token_id is None else request.pad_token_id
    ids = best[0].ids.new_full((len(best), length), pad)
    parents = best[0].parents.new_full((len(best), steps), -1)
    for row, sequence in enumerate(best):
        ids[row, : len(sequence.ids)] = sequence.ids
        if sequence.ended:
            ids[row, len(sequence.ids)] = request.eos_token_ids[0]
        parents[row, : len(sequence.parents)] = sequence.parents
    scores = torch.tensor([sequence.score for sequence in best], device=ids.device)
    return ids, scores, parents
