"""Constrained beam search: beams that must contain phrases (arXiv:1804.06609).

Beside the likeliest tokens a beam is offered those that come nearer to fulfilling a constraint.
The candidates are put into banks by how far they are, and the beams are filled with the best of
each bank in turn, the furthest bank first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from automodel_core.generation.processors.constraints import ConstraintListState, constraints_of
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.beams.ranked import Continuations, RankedBeamSearch
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["ConstrainedBeamSearch", "constrained_beam_search"]

BANK = 100.0
"""How much log-probability one token towards a constraint is worth when candidates are sorted."""


class Candidate(NamedTuple):
    """A continuation of the row ``row`` and how far it is with the constraints."""

    score: float
    token: int
    row: int
    state: ConstraintListState


def constrained_beam_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Return for each item the ``num_return_sequences`` best sequences that fulfil everything.

    Tokens of a decoder's prompt count. Where the length is too short for the constraints, sequences
    that do not fulfil them are returned.
    """
    return ConstrainedBeamSearch(session, request).run()


class ConstrainedBeamSearch(RankedBeamSearch):
    """B items with K beams each; ``states`` says for each row how far it is."""

    def __init__(self, session: DecodingSession, request: DecodingRequest) -> None:
        super().__init__(session, request)
        self.process = request.logits_processor.in_place()
        self.own_rows = torch.arange(self.ids.shape[0], device=self.device).view(self.items, -1)
        self.texts = [tuple(ids) for ids in self.ids.tolist()]
        vocabulary = session.model.config.get_text_config(decoder=True).vocab_size
        start = ConstraintListState(constraints_of(request.config, vocabulary))
        self.states = [start.copy() for _ in self.texts]
        for state, text in zip(self.states, self.texts, strict=True):
            state.reset(text)

    def choose(self, log_probabilities: Tensor) -> Continuations:
        if self.process is not None:
            log_probabilities = self.process(self.ids, log_probabilities)
        self.trace.scores(log_probabilities)
        totals = log_probabilities + self.scores[:, None]
        likeliest, nearer = self._candidates(totals)
        chosen: list[Candidate] = []
        for item in range(self.items):
            if self.done[item][0]:
                pad, rows = self.request.pad_token_id or 0, self._rows(item)
                chosen += [Candidate(0.0, pad, row, self.states[row]) for row in rows]
            else:
                going_on = self._settle(item, likeliest[item])
                chosen += self._allocated(item, going_on, nearer)
        self.texts = [(*self.texts[c.row], c.token) for c in chosen]
        self.states = [c.state for c in chosen]
        scores, tokens, rows = zip(*(candidate[:3] for candidate in chosen), strict=True)
        return Continuations(*(torch.tensor(v, device=self.device) for v in (tokens, rows, scores)))

    def _rows(self, item: int) -> range:
        return range(item * self.num_beams, (item + 1) * self.num_beams)

    def _candidates(
        self, totals: Tensor
    ) -> tuple[list[list[tuple[float, int, int, bool]]], list[list[tuple[float, int]]]]:
        """Return the best continuations of each item, and for each row those that come nearer.

        The first are (score, token, row, whether it ends), the second (score, token). Everything is
        read from the device at once.
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
        nearer = [[(next(found), token) for token in tokens] for tokens in steps]
        return [ranked[i : i + self.kept] for i in range(0, count, self.kept)], nearer

    def _settle(self, item: int, ranked: Sequence[tuple[float, int, int, bool]]) -> list[Candidate]:
        """Rank what ended and fulfils everything; return the best K that go on."""
        going_on: list[Candidate] = []
        for place, (score, token, row, ended) in enumerate(ranked):
            if len(going_on) == self.num_beams:
                break
            if not ended:
                state = self.states[row].copy()
                state.add(token)
                going_on.append(Candidate(score, token, row, state))
            elif place < self.num_beams and self.states[row].completed:
                self.rank(item, 0, row, score)
        best, length = ranked[0][0], self.ids.shape[1] + 1
        self.done[item][0] = self.rankings[item][0].is_done(best, length)
        return going_on

    def _allocated(
        self,
        item: int,
        going_on: list[Candidate],
        nearer: Sequence[Sequence[tuple[float, int]]],
    ) -> list[Candidate]:
        """Return K candidates, out of those given and those that come nearer, from all banks."""
        known = {(self.texts[c.row], c.token) for c in going_on}
        offered: list[Candidate] = []
        for row in self._rows(item):
            for score, token in nearer[row]:
                if (self.texts[row], token) not in known:
                    known.add((self.texts[row], token))
                    state = self.states[row].copy()
                    state.add(token)
                    offered.append(Candidate(score, token, row, state))
        if not offered:
            return going_on
        candidates = [(c.state.get_bank(), c) for c in (*going_on, *offered)]
        candidates.sort(key=lambda pair: pair[0] * BANK + pair[1].score, reverse=True)
        places, place, bank = [], -1, candidates[0][0]
        for of_candidate, _ in candidates:
            place = place + 1 if of_candidate == bank else 0
            bank = of_candidate
            places.append(place)
        order = sorted(range(len(candidates)), key=places.__getitem__)
        return [candidates[index][1] for index in order[: self.num_beams]]

    def rank_unfinished(self, item: int) -> None:
        """Rank the open beams that fulfil everything; all of them if those are too few."""
        if self.done[item][0]:
            return
        rows = self._rows(item)
        fulfilling = [row for row in rows if self.states[row].completed]
        if len(fulfilling) < (self.request.config.num_return_sequences or 1):
            fulfilling += [row for row in rows if row not in fulfilling]
        scores = self.scores.tolist()
        for row in fulfilling:
            self.rankings[item][0].add(scores[row], self.ids[row], self.parents[row], ended=False)
