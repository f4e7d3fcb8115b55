"""Constrained beam search: beams that must contain phrases (arXiv:1804.06609).

Beside its likeliest tokens a beam is offered those that advance a constraint. Candidates are sorted
into banks by their progress, and the beams are filled with the best of each bank in turn, beginning
with the bank of most progress.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from automodel_core.generation.processors.constraints import ConstraintListState, constraints_of
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.protocol import vocabulary_size
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.beams.ranked import Continuations, RankedBeamSearch
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["ConstrainedBeamSearch", "constrained_beam_search"]

BANK = 100.0
"""How much log-probability a token of progress is worth when candidates are sorted."""


class Candidate(NamedTuple):
    """A continuation of the row ``row``, with its progress with the constraints."""

    score: float
    token: int
    row: int
    state: ConstraintListState


def constrained_beam_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Return for each item the ``num_return_sequences`` best sequences that meet all constraints.

    Tokens of a decoder's prompt count. Where the length is too short for the constraints, sequences
    that do not meet them are returned.
    """
    return ConstrainedBeamSearch(session, request).run()


class ConstrainedBeamSearch(RankedBeamSearch):
    """B items with K beams each; ``states`` holds each row's progress with the constraints."""

    def __init__(self, session: DecodingSession, request: DecodingRequest) -> None:
        super().__init__(session, request)
        self.process = request.logits_processor.in_place()
        self.own_rows = torch.arange(self.ids.shape[0], device=self.device).view(self.items, -1)
        self.texts = [tuple(ids) for ids in self.ids.tolist()]
        constraints = constraints_of(request.config, vocabulary_size(session.model))
        start = ConstraintListState(constraints)
        self.states = [start.copy() for _ in self.texts]
        for state, text in zip(self.states, self.texts, strict=True):
            state.reset(text)

    def choose(self, log_probabilities: Tensor) -> Continuations:
        if self.process is not None:
            log_probabilities = self.process(self.ids, log_probabilities)
        self.recorder.record_step(log_probabilities)
        totals = log_probabilities + self.scores[:, None]
        likeliest, advancing = self._candidates(totals)
        chosen: list[Candidate] = []
        for item in range(self.items):
            if self.done[item][0]:
                pad, rows = self.request.pad_token_id or 0, self._rows(item)
                chosen += [Candidate(0.0, pad, row, self.states[row]) for row in rows]
            else:
                unfinished = self._rank_ended(item, likeliest[item])
                chosen += self._fill_beams(item, unfinished, advancing)
        self.texts = [(*self.texts[c.row], c.token) for c in chosen]
        self.states = [c.state for c in chosen]
        scores, tokens, rows = zip(*(candidate[:3] for candidate in chosen), strict=True)
        return Continuations(*(torch.tensor(v, device=self.device) for v in (tokens, rows, scores)))

    def _rows(self, item: int) -> range:
        return range(item * self.num_beams, (item + 1) * self.num_beams)

    def _candidates(
        self, totals: Tensor
    ) -> tuple[list[list[tuple[float, int, int, bool]]], list[list[tuple[float, int]]]]:
        """Return the best continuations of each item, and for each row those that advance it.

        The first are (score, token, row, whether it ends), the second (score, token). The device is
        read once.
        """
        steps = [[] if state.completed else state.advance() for state in self.states]
        rows = [row for row, tokens in enumerate(steps) for _ in tokens]
        columns = [token for tokens in steps for token in tokens]
        best = self.best(totals, self.own_rows)
        ended = self.ended(best.tokens)
        fields = [
            field.double().flatten() for field in (best.scores, best.tokens, best.rows, ended)
        ]
        read = torch.cat([*fields, totals[rows, columns].double()]).tolist()
        count = best.scores.numel()
        ranked = [
            (read[i], int(read[count + i]), int(read[2 * count + i]), bool(read[3 * count + i]))
            for i in range(count)
        ]
        found = iter(read[4 * count :])
        advancing = [[(next(found), token) for token in tokens] for tokens in steps]
        return [ranked[i : i + self.kept] for i in range(0, count, self.kept)], advancing

    def _rank_ended(
        self, item: int, ranked: Sequence[tuple[float, int, int, bool]]
    ) -> list[Candidate]:
        """Rank ended sequences that meet all constraints; return the best K unfinished ones."""
        unfinished: list[Candidate] = []
        for place, (score, token, row, ended) in enumerate(ranked):
            if len(unfinished) == self.num_beams:
                break
            if not ended:
                state = self.states[row].copy()
                state.add(token)
                unfinished.append(Candidate(score, token, row, state))
            elif place < self.num_beams and self.states[row].completed:
                self.rank(item, 0, row, score)
        best, length = ranked[0][0], self.ids.shape[1] + 1
        self.done[item][0] = self.rankings[item][0].is_done(best, length)
        return unfinished

    def _fill_beams(
        self,
        item: int,
        unfinished: list[Candidate],
        advancing: Sequence[Sequence[tuple[float, int]]],
    ) -> list[Candidate]:
        """Return K candidates from all banks, out of the unfinished and the advancing ones."""
        known = {(self.texts[c.row], c.token) for c in unfinished}
        offered: list[Candidate] = []
        for row in self._rows(item):
            for score, token in advancing[row]:
                if (self.texts[row], token) not in known:
                    known.add((self.texts[row], token))
                    state = self.states[row].copy()
                    state.add(token)
                    offered.append(Candidate(score, token, row, state))
        if not offered:
            return unfinished
        candidates = [(c.state.get_bank(), c) for c in (*unfinished, *offered)]
        candidates.sort(key=lambda pair: pair[0] * BANK + pair[1].score, reverse=True)
        places, place, bank = [], -1, candidates[0][0]
        for of_candidate, _ in candidates:
            place = place + 1 if of_candidate == bank else 0
            bank = of_candidate
            places.append(place)
        order = sorted(range(len(candidates)), key=places.__getitem__)
        return [candidates[index][1] for index in order[: self.num_beams]]

    def rank_unfinished(self, item: int) -> None:
        """Rank the unfinished beams that meet all constraints; all of them if those are too few."""
        if self.done[item][0]:
            return
        rows = self._rows(item)
        meeting = [row for row in rows if self.states[row].completed]
        if len(meeting) < (self.request.config.num_return_sequences or 1):
            meeting += [row for row in rows if row not in meeting]
        scores = self.scores.tolist()
        for row in meeting:
            self.rankings[item][0].add(scores[row], self.ids[row], self.parents[row], ended=False)
