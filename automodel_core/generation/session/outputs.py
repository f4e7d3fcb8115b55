"""The outputs of ``generate`` with ``return_dict_in_generate=True``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from automodel_core.outputs import ModelOutput

__all__ = [
    "GenerateBeamDecoderOnlyOutput",
    "GenerateBeamEncoderDecoderOutput",
    "GenerateDecoderOnlyOutput",
    "GenerateEncoderDecoderOutput",
    "GenerateOutput",
    "transition_scores",
]

Recorded = Tensor | Any
"""A tensor if the caller asked for it, else None; who asked need not check for None."""

Steps = tuple[Tensor, ...] | Any
LayerSteps = tuple[tuple[Tensor, ...], ...] | Any


@dataclass
class GenerateOutput(ModelOutput):
    """Token ids ``sequences`` (rows, length), and the records that the settings ask for.

    ``scores``, ``logits``, ``attentions`` and ``hidden_states`` have an entry for each step; an
    entry of the last two has a tensor for each layer, as the encoder's have. Beam search gives
    ``sequences_scores`` (rows,), the final scores, and ``beam_indices`` (rows, steps), which say
    which row of ``scores`` each token came from, -1 after the end of a sequence.
    """

    sequences: Tensor
    sequences_scores: Recorded = None
    scores: Steps = None
    logits: Steps = None
    beam_indices: Recorded = None
    encoder_attentions: Steps = None
    encoder_hidden_states: Steps = None
    attentions: LayerSteps = None
    hidden_states: LayerSteps = None
    decoder_attentions: LayerSteps = None
    cross_attentions: LayerSteps = None
    decoder_hidden_states: LayerSteps = None
    past_key_values: Any = None


class GenerateDecoderOnlyOutput(GenerateOutput):
    """Output of greedy search and sampling from a decoder."""


class GenerateEncoderDecoderOutput(GenerateOutput):
    """Output of greedy search and sampling from an encoder-decoder."""


class GenerateBeamDecoderOnlyOutput(GenerateOutput):
    """Output of beam search from a decoder."""


class GenerateBeamEncoderDecoderOutput(GenerateOutput):
    """Output of beam search from an encoder-decoder."""


def transition_scores(
    sequences: Tensor,
    scores: Sequence[Tensor],
    beam_indices: Tensor | None = None,
    normalize_logits: bool = False,
) -> Tensor:
    """Return the score of each generated token, (rows, steps); 0 after the end of a sequence.

    ``scores`` holds one tensor (beams, vocabulary) a step; ``beam_indices`` (rows, steps) say which
    beam of a step a token came from, -1 after the end. Without them row i is beam i.
    """
    steps = torch.stack(list(scores))  # (steps, beams, vocabulary)
    if normalize_logits:
        steps = steps.log_softmax(dim=-1)
    if beam_indices is None:
        beams = torch.arange(steps.shape[1], device=sequences.device)[:, None]
        beam_indices = beams.expand(-1, steps.shape[0])
    ended = beam_indices < 0
    length = int((~ended).sum(dim=1).max())
    ended = ended[:, :length]
    beam = beam_indices[:, :length].masked_fill(ended, 0).long()
    step = torch.arange(length, device=sequences.device).expand_as(beam)
    tokens = sequences[:, sequences.shape[1] - length :]
    return steps[step, beam, tokens].masked_fill(ended, 0)
