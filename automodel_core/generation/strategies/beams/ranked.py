"""The loop of diverse and constrained beam search, which rank finished sequences one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from automodel_core.generation.processors.stopping import EosTokenCriteria
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.beams.candidates import IMPOSSIBLE, Candidates
from automodel_core.generation.strategies.beams.ranking import Ranking, best_of, padded_together
from automodel_core.generation.strategies.recorder import Recorder
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["Continuations", "RankedBeamSearch"]


class Continuations(NamedTuple):
    """The next tokens of all beams, the rows that they follow and their scores, each (B*K,)."""

    tokens: Tensor
    rows: Tensor
    scores: Tensor


class RankedBeamSearch(ABC):
    """The state of one search: B items with K beams each, in G searches an item.

    Running beams are rows of ``ids`` (B*K, length), with the sums of their log-probabilities in
    ``scores`` (B*K,) and in ``parents`` (B*K, steps) the row that each token followed. Finished
    sequences are in ``rankings``, a list of G for each item.
    """

    def __init__(self, session: DecodingSession, request: DecodingRequest, groups: int = 1) -> None:
        config = request.config
        self.session, self.request = session, request
        self.num_beams = config.num_beams or 1
        self.ids = session.prompt
        self.device: torch.device = self.ids.device
        self.items = self.ids.shape[0] // self.num_beams
        self.size = self.num_beams // groups
        # Enough candidates that a search has unfinished ones left, whichever of them end.
        self.kept = max(2, 1 + len(request.eos_token_ids)) * self.size
        # All beams of a search start as the same text, so only one of them may be continued.
        self.scores = torch.full((self.items, groups, self.size), IMPOSSIBLE, device=self.device)
        self.scores[..., 0] = 0.0
        self.scores = self.scores.flatten()
        self.parents = self.ids.new_empty((self.ids.shape[0], 0), dtype=torch.int32)
        prompt_length = self.ids.shape[1]
        self.rankings = [
            [Ranking(self.size, request, prompt_length) for _ in range(groups)]
            for _ in range(self.items)
        ]
        self.done = [[False] * groups for _ in range(self.items)]
        self.recorder = Recorder(config, session)
        criteria = request.stopping_criteria
        self.ends = [c for c in criteria if isinstance(c, EosTokenCriteria)]
        _, self.others = criteria.split()
        self.max_length = min(request.max_length, criteria.max_length or request.max_length)

    @abstractmethod
    def choose(self, log_probabilities: Tensor) -> Continuations:
        """Choose the next tokens by log-probabilities (B*K, vocabulary), and rank what ended."""

    def run(self) -> GenerateOutput:
        logits = self.session.start()
        while True:
            self.recorder.record_logits(logits)
            chosen = self.choose(logits.log_softmax(dim=-1, dtype=torch.float32))
            self._continue(chosen)
            if self.request.progress is not None:
                self.request.progress.advance()
            if self._is_over():
                break
            self.session.reorder(chosen.rows)
            logits = self.session.step(self.ids)
        for item in range(self.items):
            self.rank_unfinished(item)
        count = self.request.config.num_return_sequences or 1
        best = [found for rankings in self.rankings for found in best_of(rankings, count)]
        return self.recorder.beam_output(*padded_together(best, self.request))

    def best(self, totals: Tensor, rows: Tensor) -> Candidates:
        """Return the best continuations of the beams ``rows`` (B, beams) of each item.

        ``totals`` (B * beams, vocabulary) are the log-probabilities of beams and tokens together.
        """
        scores, choices = totals.view(self.items, -1).topk(self.kept)
        parents = choices.div(totals.shape[1], rounding_mode="floor")
        return Candidates(scores, choices % totals.shape[1], rows.gather(1, parents))

    def ended(self, tokens: Tensor) -> Tensor:
        """Return which tokens end a sequence, as a bool tensor of their shape."""
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        for criterion in self.ends:
            ended |= criterion.ends(tokens)
        return ended

    def rank(self, item: int, group: int, row: int, total: float) -> None:
        """Rank the sequence of a row, which its next token ends."""
        parents = torch.cat([self.parents[row], self.parents.new_tensor([row])])
        self.rankings[item][group].add(total, self.ids[row], parents, ended=True)

    def rank_unfinished(self, item: int) -> None:
        """Rank the beams of an item that were unfinished at the last step."""
        scores = self.scores.view(self.items, -1, self.size)[item].tolist()
        for group, ranking in enumerate(self.rankings[item]):
            if not self.done[item][group]:
                first = item * self.num_beams + group * self.size
                for row, score in enumerate(scores[group], start=first):
                    ranking.add(score, self.ids[row], self.parents[row], ended=False)

    def _continue(self, chosen: Continuations) -> None:
        follows = chosen.rows[:, None]
        ids = self.ids.index_select(0, chosen.rows)
        parents = self.parents.index_select(0, chosen.rows)
        self.ids = torch.cat([ids, chosen.tokens[:, None]], dim=1)
        self.parents = torch.cat([parents, follows.to(torch.int32)], dim=1)
        self.scores = chosen.scores

    def _is_over(self) -> bool:
        if all(done for groups in self.done for done in groups):
            return True
        if self.ids.shape[1] >= self.max_length:
            return True
        return bool(self.others) and bool(self.others(self.ids, self.recorder.scores_so_far).all())
