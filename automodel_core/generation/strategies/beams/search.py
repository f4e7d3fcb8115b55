"""Beam search: keep the best few continuations of each item, and the best finished ones.

With ``do_sample`` continuations are sampled without replacement instead (beam sampling).
"""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.beams.candidates import (
    IMPOSSIBLE,
    Candidates,
    FinishedBeams,
)
from automodel_core.generation.strategies.recorder import Recorder
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["BeamSearch", "beam_search"]


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
        # Enough candidates that num_beams unfinished ones are left, whichever of them end.
        self.kept = max(2, 1 + len(request.eos_token_ids)) * self.num_beams
        self.scores = torch.zeros(self.items, self.num_beams, device=self.ids.device)
        # All beams of an item start as the same text, so only one of them may be continued.
        self.scores[:, 1:] = IMPOSSIBLE
        self.parents = self.ids.new_empty((self.ids.shape[0], 0), dtype=torch.int32)
        self.first_rows = torch.arange(self.items, device=self.ids.device)[:, None] * self.num_beams
        self.finished = FinishedBeams(self.items, self.num_beams, request, self.ids)
        self.recorder = Recorder(config, session)
        self.process = request.logits_processor.in_place()
        criteria = request.stopping_criteria
        self.ends, self.others = criteria.split()
        lengths = (request.max_length, criteria.max_length or request.max_length)
        self.max_length = min(lengths)

    def run(self) -> GenerateOutput:
        logits = self.session.start()
        while True:
            candidates = self.candidates(self.log_probabilities(logits))
            finished = self.finished_candidates(candidates)
            rows = self.continue_with(candidates, finished)
            unchanged, done = self.collect_finished(candidates, finished)
            if self.request.progress is not None:
                self.request.progress.advance()
            if done:
                break
            if unchanged < self.ids.shape[1] - 1:
                self.session.reorder(rows, since=unchanged)
            logits = self.session.step(self.ids)
        return self.output()

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Return the processed log-probabilities (rows, vocabulary) of the next token."""
        self.recorder.record_logits(logits)
        scores = logits.log_softmax(dim=-1, dtype=torch.float32)
        if self.process is not None:
            scores = self.process(self.ids, scores)
        self.recorder.record_step(scores)
        return scores

    def candidates(self, log_probabilities: Tensor) -> Candidates:
        """Return the best continuations of all beams of each item, or sampled ones."""
        vocabulary = log_probabilities.shape[1]
        totals = log_probabilities.view(self.items, self.num_beams, -1)
        if self.process is None and not self.recorder.records_scores:
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

    def finished_candidates(self, candidates: Candidates) -> Tensor:
        """Return which candidates (B, kept) their newest token finishes."""
        finished = torch.zeros_like(candidates.tokens, dtype=torch.bool)
        if self.ids.shape[1] + 1 >= self.max_length:
            finished.fill_(True)
        for criterion in self.ends:
            finished |= criterion.ends(candidates.tokens)
        if self.others:
            ids = candidates.sequences(self.ids)
            finished |= self.others(ids, self.recorder.scores_so_far).view_as(finished)
        return finished

    def continue_with(self, candidates: Candidates, finished: Tensor) -> Tensor:
        """Continue the best unfinished candidates; return the rows (B*K,) that they follow."""
        scores = candidates.scores + finished * IMPOSSIBLE
        self.scores, best = scores.topk(self.num_beams)
        rows = candidates.rows.gather(1, best).flatten()
        tokens = candidates.tokens.gather(1, best).view(-1, 1)
        self.previous = self.ids, self.parents
        self.ids = torch.cat([self.ids.index_select(0, rows), tokens], dim=1)
        follows = rows[:, None].to(torch.int32)
        self.parents = torch.cat([self.parents.index_select(0, rows), follows], dim=1)
        return rows

    def collect_finished(self, candidates: Candidates, finished: Tensor) -> tuple[int, bool]:
        """Keep the best finished sequences; return `unchanged_length`, and whether all is done.

        The device is read once a step: until a sequence has finished, there is nothing to compare.
        """
        unchanged = self.unchanged_length()
        if not self.finished.any:
            some = finished[:, : self.num_beams].any()
            read: list[int] = torch.stack([unchanged, some, finished.all()]).tolist()
            if not read[1]:
                return read[0], bool(read[2])
        self.finished.add(candidates, finished, *self.previous)
        goes_on = self.finished.can_improve(self.scores, self.ids.shape[1]) & ~finished.all()
        length, continues = torch.stack([unchanged, goes_on]).tolist()
        return length, not continues

    def unchanged_length(self) -> Tensor:
        """Return up to which position every row holds the tokens that it held a step ago."""
        differs = (self.ids[:, :-1] != self.previous[0]).any(dim=0)
        return torch.cat([differs, differs.new_ones(1)]).byte().argmax()

    def output(self) -> GenerateOutput:
        count = self.request.config.num_return_sequences or 1
        sequences, scores, parents = self.finished.best(count)
        return self.recorder.beam_output(sequences, scores, parents)
