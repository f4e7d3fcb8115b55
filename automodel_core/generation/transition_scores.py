"""The scores of the tokens that were chosen, out of the recorded scores of all tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["transition_scores"]


def transition_scores(
    sequences: Tensor,
    scores: Sequence[Tensor],
    beam_indices: Tensor | None = None,
    normalize_logits: bool = False,
) -> Tensor:
    """Return the score of each generated token, (rows, steps); 0 behind the end of a beam.

    ``scores`` holds one tensor (beams, vocabulary) a step; ``beam_indices`` (rows, steps) say which
    beam of a step a token came from, -1 behind the end. Without them row i is beam i.
    """
    steps = torch.stack(list(scores))  # (steps, beams, vocabulary)
    if normalize_logits:
        steps = steps.log_softmax(dim=-1)
    if beam_indices is None:
        beams = torch.arange(steps.shape[1], device=sequences.device)[:, None]
        beam_indices = beams.expand(-1, steps.shape[0])
    behind = beam_indices < 0
    length = int((~behind).sum(dim=1).max())
    behind = behind[:, :length]
    beam = beam_indices[:, :length].masked_fill(behind, 0).long()
    step = torch.arange(length, device=sequences.device).expand_as(beam)
    tokens = sequences[:, sequences.shape[1] - length :]
    return steps[step, beam, tokens].masked_fill(behind, 0)
