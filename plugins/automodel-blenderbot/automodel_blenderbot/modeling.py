"""Blenderbot: pre-norm layers over learned positions, and last states that are normalised."""

from __future__ import annotations

from typing import Any

from automodel_blenderbot.configuration import BlenderbotConfig
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqModel,
    FairseqPreTrainedModel,
    SummedEmbeddings,
    WithLogitsBias,
    token_embedding,
)
from automodel_core.layers import LearnedPositions


class BlenderbotPreTrainedModel(FairseqPreTrainedModel):
    """What all Blenderbot models share."""

    config_class = BlenderbotConfig
    config: BlenderbotConfig
    norm_first = True

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> SummedEmbeddings:
        positions = LearnedPositions(config.max_position_embeddings, config.d_model)
        return SummedEmbeddings(token_embedding(config), positions, dropout=config.dropout)


class BlenderbotModel(BlenderbotPreTrainedModel, FairseqModel):
    """The encoder-decoder without a head."""


class BlenderbotForConditionalGeneration(BlenderbotPreTrainedModel, WithLogitsBias):
    """Blenderbot with an output layer, for conversation."""

    model_class = BlenderbotModel


class BlenderbotDecoderModel(BlenderbotPreTrainedModel, FairseqDecoder):
    """The decoder alone, without a head."""


class BlenderbotForCausalLM(BlenderbotPreTrainedModel, FairseqForCausalLM):
    """Blenderbot's decoder alone, with an output layer."""

    model_class = BlenderbotDecoderModel
