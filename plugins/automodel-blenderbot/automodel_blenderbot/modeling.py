"""Blenderbot: pre-norm layers over learned positions, and last states that are normalised."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from automodel_blenderbot.configuration import BlenderbotConfig
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqModel,
    FairseqPreTrainedModel,
    FairseqStack,
    SummedEmbeddings,
    WithLogitsBias,
    text_layer,
    token_embedding,
)
from automodel_core.layers import LearnedPositions

__all__ = [
    "BlenderbotDecoderModel",
    "BlenderbotForCausalLM",
    "BlenderbotForConditionalGeneration",
    "BlenderbotModel",
    "BlenderbotPreTrainedModel",
]


class BlenderbotPreTrainedModel(FairseqPreTrainedModel):
    """What all Blenderbot models share."""

    config_class = BlenderbotConfig
    config: BlenderbotConfig

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        embeddings = SummedEmbeddings(
            token_embedding(config),
            LearnedPositions(config.max_position_embeddings, config.d_model),
            dropout=config.dropout,
        )
        layer = partial(text_layer, config, decoder=decoder, norm_first=True)
        return FairseqStack(
            config, embeddings, layer, nn.LayerNorm(config.d_model), decoder=decoder
        )


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
