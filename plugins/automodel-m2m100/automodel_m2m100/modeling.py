"""M2M100: pre-norm layers over scaled embeddings and sinusoidal positions that skip padding."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from automodel_core.families.fairseq import (
    FairseqForConditionalGeneration,
    FairseqModel,
    FairseqPreTrainedModel,
    FairseqStack,
    SummedEmbeddings,
    text_layer,
    token_embedding,
)
from automodel_core.layers import PaddedSinusoidalPositions
from automodel_m2m100.configuration import M2M100Config

__all__ = ["M2M100ForConditionalGeneration", "M2M100Model", "M2M100PreTrainedModel"]


class M2M100PreTrainedModel(FairseqPreTrainedModel):
    """What all M2M100 models share."""

    config_class = M2M100Config
    config: M2M100Config

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        size = config.d_model
        positions = PaddedSinusoidalPositions(
            config.max_position_embeddings + 2, size, config.pad_token_id
        )
        embeddings = SummedEmbeddings(token_embedding(config), positions, dropout=config.dropout)
        layer = partial(text_layer, config, decoder=decoder, norm_first=True)
        return FairseqStack(config, embeddings, layer, nn.LayerNorm(size), decoder=decoder)


class M2M100Model(M2M100PreTrainedModel, FairseqModel):
    """The encoder-decoder without a head."""


class M2M100ForConditionalGeneration(M2M100PreTrainedModel, FairseqForConditionalGeneration):
    """M2M100 with an output layer, for text in one language and its translation."""

    model_class = M2M100Model
