"""Beam search: keep the best few continuations of each item, and the best finished ones.

With ``do_sample`` the continuations are drawn without replacement instead (beam sampling).
"""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.generation.processors.stopping import (
    EosTokenCriteria,
    MaxLengthCriteria,
    StoppingCriteriaList,
)
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.beams.candidates import Candidates, FinishedBeams
from automodel_core.generation.strategies.recorder import Trace
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["BeamSearch", "beam_search"]

IMPOSSIBLE = -1e9
"""The score of a beam that does not exist. Finite, so that sums of it can still be compared."""


def beam_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Return for each item the ``num_return_sequences`` best of ``num_beams`` sequences."""
    return BeamSearch(session, request).run()


class BeamSearch:
    """The state of one search: B items with K beams each.

    Running beams are rows of ``ids`` (B*K, length), with the sums of their log-probabilities in
    ``scores`` (B, K), best first, and in ``parents`` (B*K, steps) the row that each token followed.
    """

    def __init__(self, session: DecodingSession, request: DecodingRequest) -> None:
        config = request.config
        self.session, self.request = session, request
        self.num_beams = config.num_beams or 1
        self.do_sample = bool(config.do_sample)
        self.ids = session.prompt
        self.prompt_length = self.ids.shape[1]
        self.items = self.ids.shape[0] // self.num_beams
        # So many that, whatever ends here, num_beams that go on are left.
        self.kept = max(2, 1 + len(request.eos_token_ids)) * self.num_beams
        self.scores = torch.zeros(self.items, self.num_beams, device=self.ids.device)
        # All beams start as the same text; only one of them may be continued.
        self.scores[:, 1:] = IMPOSSIBLE
        self.parents = self.ids.new_empty((self.ids.shape[0], 0), dtype=torch.int32)
        self.first_rows = torch.arange(self.items, device=self.ids.device)[:, None] * self.num_beams
        self.finished = FinishedBeams(self.items, self.num_beams, request, self.ids)
        self.trace = Trace(config, session)
        self.process = request.logits_processor.in_place()
        criteria = request.stopping_criteria
        self.ends = [c for c in criteria if type(c) is EosTokenCriteria]
        self.others = StoppingCriteriaList(
            c for c in criteria if type(c) not in (EosTokenCriteria, MaxLengthCriteria)
        )
        lengths = (request.max_length, criteria.max_length or request.max_length)
        self.max_length = min(lengths)

    def run(self) -> GenerateOutput:
        logits = self.session.start()
        while True:
            candidates = self.candidates(self.log_probabilities(logits))
            stopped = self.stopped(candidates)
            rows = self.continue_with(candidates, stopped)
            same, done = self.settle(candidates, stopped)
            if self.request.progress is not None:
                self.request.progress.advance()
            if done:
                break
            if same < self.ids.shape[1] - 1:
                self.session.reorder(rows, since=same)
            logits = self.session.step(self.ids)
        return self.output()

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Return the processed log-probabilities (rows, vocabulary) of the next token."""
        self.trace.logits(logits)
        scores = logits.log_softmax(dim=-1, dtype=torch.float32)
        if self.process is not None:
            scores = self.process(self.ids, scores)
        self.trace.scores(scores)
        return scores

    def candidates(self, log_probabilities: Tensor) -> Candidates:
        """Choose among all continuations of all beams of an item: the best, or at random."""
        vocabulary = log_probabilities.shape[1]
        totals = log_probabilities.view(self.items, self.num_beams, -1)
        if self.process is None and not self.trace.keeps_scores:
            totals.add_(self.scores[..., None])
        else:
            totals = totals + self.scores[..., None]
        totals = totals.view(self.items, -1)
        if self.do_sample:
            choices = torch.multinomial(totals.softmax(dim=-1), num_samples=self.kept)
            scores = totals.gather(1, choices)
        else:
            scores, choices = totals.topk(self.kept)
        rows = choices.div(vocabulary, rounding_mode="floor") + self.first_rows
        return Candidates(scores, tokens=choices % vocabulary, rows=rows)

    def stopped(self, candidates: Candidates) -> Tensor:
        """Return which candidates (B, kept) are finished with their newest token."""
        stopped = torch.zeros_like(candidates.tokens, dtype=torch.bool)
        if self.ids.shape[1] + 1 >= self.max_length:
            stopped.fill_(True)
        for criterion in self.ends:
            stopped |= criterion.ends(candidates.tokens)
        if self.others:
            ids = candidates.sequences(self.ids)
            stopped |= self.others(ids, self.trace.scores_so_far).view_as(stopped)
        return stopped

    def continue_with(self, candidates: Candidates, stopped: Tensor) -> Tensor:
        """Go on with the best unfinished candidates; return the rows (B*K,) that they follow."""
        scores = candidates.scores + stopped * IMPOSSIBLE
        self.scores, best = scores.topk(self.num_beams)
        rows = candidates.rows.gather(1, best).flatten()
        tokens = candidates.tokens.gather(1, best).view(-1, 1)
        self.previous = self.ids, self.parents
        self.ids = torch.cat([self.ids.index_select(0, rows), tokens], dim=1)
        follows = rows[:, None].to(torch.int32)
        self.parents = torch.cat([self.parents.index_select(0, rows), follows], dim=1)
        return rows

    def settle(self, candidates: Candidates, stopped: Tensor) -> tuple[int, bool]:
        """Keep what finished; return how long rows stayed as they were, and whether all is over.

        One look at the device a step: while nothing has finished, there is nothing to compare.
        """
        same = self.unmoved()
        if not self.finished.any:
            some = stopped[:, : self.num_beams].any()
            read: list[int] = torch.stack([same, some, stopped.all()]).tolist()
            if not read[1]:
                return read[0], bool(read[2])
        self.finished.add(candidates, stopped, *self.previous)
        goes_on = self.finished.can_improve(self.scores, self.ids.shape[1]) & ~stopped.all()
        length, continues = torch.stack([same, goes_on]).tolist()
        return length, not continues

    def unmoved(self) -> Tensor:
        """Return up to which position every row holds the tokens that it held a step ago."""
        differs = (self.ids[:, :-1] != self.previous[0]).any(dim=0)
        return torch.cat([differs, differs.new_ones(1)]).byte().argmax()

    def output(self) -> GenerateOutput:
        count = self.request.config.num_return_sequences or 1
        sequences, scores, parents = self.finished.best(count)
        return self.trace.beam_output(sequences, scores, parents)
