"""What SpeechT5 learns to speak by: distances of frames, ends of speech, guided attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_speecht5.configuration import SpeechT5Config

IGNORED = -100.0
"""Marks frames of labels that are padding."""
END_WEIGHT = 5.0
"""How much more the one frame at the end of a row counts than those before."""


def spectrogram_loss(
    predicted: tuple[Tensor, Tensor, Tensor], labels: Tensor, stop_labels: Tensor | None = None
) -> Tensor:
    """Return the distance of frames before and after they are refined, and the loss of ends.

    ``predicted`` is what the postnet returns; ``labels`` ``(batch, frames, mels)`` are -100 in
    padding. ``stop_labels`` ``(batch, frames)`` are 1 where a row has ended, by default in its last
    frame.
    """
    before, after, scores = predicted
    counted = labels != IGNORED
    expected = labels[counted]
    distance = F.l1_loss(after[counted], expected) + F.l1_loss(before[counted], expected)
    shown = counted[:, :, 0]
    if stop_labels is None:
        stop_labels = torch.cat([~shown[:, 1:], shown.new_ones(len(shown), 1)], dim=1)
    weight = torch.tensor(END_WEIGHT, device=scores.device)
    ends = F.binary_cross_entropy_with_logits(
        scores[shown], stop_labels[shown].to(scores.dtype), pos_weight=weight
    )
    return distance + ends


def guided_attention_loss(
    config: SpeechT5Config, attentions: Sequence[Tensor], read: Tensor | None, labels: Tensor
) -> Tensor:
    """Return how far attention is from reading on as speech goes on (https://arxiv.org/abs/1710.08969).

    ``attentions`` ``(batch, heads, steps, places)`` are those of the decoder over the encoder,
    ``read`` ``(batch, places)`` which places are no padding.
    """
    heads = config.guided_attention_loss_num_heads
    # As a slice, so that -1 leaves out the last one, as in the models' training.
    weights = torch.cat([each[:, :heads] for each in attentions], dim=1)
    spoken = (labels != IGNORED)[:, config.reduction_factor - 1 :: config.reduction_factor, 0]
    if read is None:
        read = spoken.new_ones(weights.shape[0], weights.shape[-1])
    read = read == 1
    steps, places = _shares(spoken), _shares(read)
    distances = (places[:, None, :] - steps[:, :, None]).square()
    penalties = 1.0 - torch.exp(-distances / (2 * config.guided_attention_loss_sigma**2))
    counted = (spoken[:, :, None] & read[:, None, :])[:, None].expand_as(weights)
    return config.guided_attention_loss_scale * (penalties[:, None] * weights)[counted].mean()


def _shares(shown: Tensor) -> Tensor:
    """Return how far into its row each place is, from 0 to 1."""
    places = torch.arange(shown.shape[1], device=shown.device)
    return places / shown.sum(-1, keepdim=True).clamp_min(1)
