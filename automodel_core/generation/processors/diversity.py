"""The penalty that makes groups of beams differ (arXiv:1610.02424)."""

from __future__ import annotations

from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.processors.base import LogitsProcessor

__all__ = ["HammingDiversityLogitsProcessor"]


class HammingDiversityLogitsProcessor(LogitsProcessor):
    """Lower a token's score by ``diversity_penalty`` for each earlier beam that has chosen it.

    It is called with the scores of one group, with ``current_tokens`` (items * num_beams,), the
    tokens of this step that earlier groups have chosen, and with the index of the group.
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
