"""Diverse beam search: groups of beams that keep away from each other (arXiv:1610.02424).

In every step the groups choose one after the other. A token costs a group ``diversity_penalty`` for
each time that an earlier group of the same item has just chosen it; within a group this is beam
search.
"""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.logits_processors import LogitsProcessor
from automodel_core.generation.outputs import GenerateOutput
from automodel_core.generation.ranked_beam import Continuations, RankedBeamSearch
from automodel_core.generation.request import DecodingRequest
from automodel_core.generation.session import DecodingSession

__all__ = ["DiverseBeamSearch", "HammingDiversityLogitsProcessor", "diverse_beam_search"]


class HammingDiversityLogitsProcessor(LogitsProcessor):
    """Take ``diversity_penalty`` off a token's score for each earlier group that has chosen it.

    It is called with the scores of one group, with ``current_tokens`` (items * num_beams,), the
    tokens of this step as far as they are chosen, and with the number of the group.
    """

    def __init__(self, diversity_penalty: float, num_beams: int, num_beam_groups: int) -> None:
        if not diversity_penalty > 0:
            raise GenerationArgumentError(
                f"diversity_penalty must be above 0, not {shown(diversity_penalty)}"
            )
        if num_beam_groups < 2 or num_beams % num_beam_groups:
            raise GenerationArgumentError(
                f"num_beams={num_beams} cannot be divided into {num_beam_groups} groups of beams"
            )
        self.diversity_penalty = diversity_penalty
        self.num_beams = num_beams
        self.size = num_beams // num_beam_groups

    def __call__(  # type: ignore[override]
        self, input_ids: Tensor, scores: Tensor, current_tokens: Tensor, beam_group_idx: int
    ) -> Tensor:
        chosen = current_tokens.view(-1, self.num_beams)[:, : beam_group_idx * self.size]
        items, vocabulary = chosen.shape[0], scores.shape[-1]
        penalties = scores.new_full(chosen.shape, -self.diversity_penalty)
        penalty = scores.new_zeros(items, vocabulary).scatter_add_(1, chosen, penalties)
        return (scores.view(items, -1, vocabulary) + penalty[:, None]).view_as(scores)


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
            # Those that go on come first, in the order of their scores.
            go_on = ended.long().argsort(dim=1, stable=True)[:, : self.size]
            tokens[:, group], scores[:, group], rows[:, group] = (
                field.gather(1, go_on) for field in (found.tokens, found.scores, found.rows)
            )
            self._stand_still(group, tokens, rows)
        self.trace.scores(processed)
        self._settle(torch.stack(ranked))
        return Continuations(tokens.flatten(), rows.flatten(), scores.flatten())

    def _stand_still(self, group: int, tokens: Tensor, rows: Tensor) -> None:
        """Let what is done add padding to its own rows."""
        if self.request.pad_token_id is not None:
            done = self.is_done[:, group, None]
            tokens[:, group].masked_fill_(done, self.request.pad_token_id)
            rows[:, group] = torch.where(done, self.own_rows[:, group], rows[:, group])

    def _settle(self, ranked: Tensor) -> None:
        """Rank what ended, of the best S (groups, (score, ended, row), items, S); see what is done.

        This is the one look at the device in a step.
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
