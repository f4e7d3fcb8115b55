"""Diverse beam search: groups of beams that avoid each other's tokens (arXiv:1610.02424).

At every step the groups choose one after the other. A token's score is lowered by
``diversity_penalty`` for each earlier beam of the same item that has chosen it at this step; within
a group this is beam search.
"""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.beams.ranked import Continuations, RankedBeamSearch
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["DiverseBeamSearch", "diverse_beam_search"]


def diverse_beam_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Return for each item the ``num_return_sequences`` best sequences of all its groups."""
    return DiverseBeamSearch(session, request).run()


class DiverseBeamSearch(RankedBeamSearch):
    """B items with G groups of S beams each; a group is a beam search of its own."""

    def __init__(self, session: DecodingSession, request: DecodingRequest) -> None:
        groups = request.config.num_beam_groups or 1
        super().__init__(session, request, groups)
        self.shape = (self.items, groups, self.size)
        self.own_rows = torch.arange(self.ids.shape[0], device=self.device).view(self.shape)
        self.process = request.logits_processor.in_place("current_tokens", "beam_group_idx")
        self.is_done = torch.zeros(self.shape[:2], dtype=torch.bool, device=self.device)

    def choose(self, log_probabilities: Tensor) -> Continuations:
        tokens = torch.zeros(self.shape, dtype=torch.long, device=self.device)
        rows, scores = self.own_rows.clone(), self.scores.view(self.shape).clone()
        processed, ranked = torch.empty_like(log_probabilities), []
        for group in range(self.shape[1]):
            of_group = self.own_rows[:, group].flatten()
            likely = log_probabilities[of_group]
            if self.process is not None:
                so_far = {"current_tokens": tokens.flatten(), "beam_group_idx": group}
                likely = self.process(self.ids[of_group], likely, **so_far)
            processed[of_group] = likely
            found = self.best(likely + self.scores[of_group, None], self.own_rows[:, group])
            ended = self.ended(found.tokens)
            ranked.append(torch.stack([found.scores, ended, found.rows])[..., : self.size])
            # The unfinished first, in the order of their scores.
            unfinished = ended.long().argsort(dim=1, stable=True)[:, : self.size]
            tokens[:, group], scores[:, group], rows[:, group] = (
                field.gather(1, unfinished) for field in (found.tokens, found.scores, found.rows)
            )
            self._pad_done(group, tokens, rows)
        self.recorder.record_step(processed)
        self._rank_ended(torch.stack(ranked))
        return Continuations(tokens.flatten(), rows.flatten(), scores.flatten())

    def _pad_done(self, group: int, tokens: Tensor, rows: Tensor) -> None:
        """Let searches that are done continue their own rows with padding."""
        if self.request.pad_token_id is not None:
            done = self.is_done[:, group, None]
            tokens[:, group].masked_fill_(done, self.request.pad_token_id)
            rows[:, group] = torch.where(done, self.own_rows[:, group], rows[:, group])

    def _rank_ended(self, ranked: Tensor) -> None:
        """Rank the sequences that ended, and note which searches are done.

        ``ranked`` (groups, 3, items, S) holds score, ended and row of the best S candidates. This
        is the one read from the device in a step.
        """
        length = self.ids.shape[1] + 1
        for group, (totals, ended, rows) in enumerate(ranked.tolist()):
            for item in range(self.items):
                if self.done[item][group]:
                    continue
                for total, ends, row in zip(totals[item], ended[item], rows[item], strict=True):
                    if ends:
                        self.rank(item, group, int(row), total)
                ranking = self.rankings[item][group]
                self.done[item][group] = ranking.is_done(totals[item][0], length)
        self.is_done = torch.tensor(self.done, device=self.device)
