"""Frames and features that training hides (SpecAugment, https://arxiv.org/abs/1904.08779)."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.audio.masking import span_mask
from automodel_core.errors import InputError
from automodel_core.families.wav2vec2.configuration import WaveformConfig

__all__ = ["without_hidden_spans"]


def without_hidden_spans(
    states: Tensor,
    config: WaveformConfig,
    stand_in: Tensor | None,
    chosen: Tensor | None,
    heard: Tensor | None,
    *,
    training: bool,
) -> Tensor:
    """Return states ``(batch, frames, size)`` without those ``chosen`` or, in training, drawn.

    ``stand_in`` takes the place of hidden frames; ``heard`` ``(batch, frames)`` is true for frames
    of samples that count.
    """
    batch, frames, size = states.shape
    if not config.apply_spec_augment:
        return states
    if chosen is None and training and config.mask_time_prob > 0:
        chosen = span_mask(
            batch,
            frames,
            config.mask_time_prob,
            config.mask_time_length,
            lengths=None if heard is None else heard.sum(-1).tolist(),
            least=config.mask_time_min_masks,
        )
    if chosen is not None:
        if stand_in is None:
            raise InputError(
                "mask_time_indices need a vector in the place of what they hide, which a model "
                "with mask_time_prob=0 and mask_feature_prob=0 has not"
            )
        places = chosen.to(states.device, torch.bool).unsqueeze(-1)
        states = torch.where(places, stand_in.to(states.dtype), states)
    if training and config.mask_feature_prob > 0:
        features = span_mask(
            batch,
            size,
            config.mask_feature_prob,
            config.mask_feature_length,
            least=config.mask_feature_min_masks,
        )
        states = states.masked_fill(features.to(states.device).unsqueeze(1), 0.0)
    return states
