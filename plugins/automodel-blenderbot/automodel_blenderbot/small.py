"""Blenderbot-small: post-norm layers, and a decoder that normalises tokens before positions."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from automodel_blenderbot.configuration import BlenderbotSmallConfig
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqModel,
    FairseqPreTrainedModel,
    FairseqStack,
    NormedTokenEmbeddings,
    SummedEmbeddings,
    WithLogitsBias,
    text_layer,
    token_embedding,
)
from automodel_core.layers import Embedding, LearnedPositions

__all__ = [
    "BlenderbotSmallDecoderModel",
    "BlenderbotSmallForCausalLM",
    "BlenderbotSmallForConditionalGeneration",
    "BlenderbotSmallModel",
    "BlenderbotSmallPreTrainedModel",
]


class BlenderbotSmallPreTrainedModel(FairseqPreTrainedModel):
    """What all Blenderbot-small models share."""

    config_class = BlenderbotSmallConfig
    config: BlenderbotSmallConfig

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        size = config.d_model
        positions = LearnedPositions(config.max_position_embeddings, size)
        rest = (positions, nn.LayerNorm(size), config.dropout)
        layer = partial(text_layer, config, decoder=decoder, norm_first=False)
        if not decoder:
            embeddings = SummedEmbeddings(token_embedding(config), *rest)
            return FairseqStack(config, embeddings, layer, decoder=False)
        # Scaling makes no difference to what is normalised.
        tokens = Embedding(config.vocab_size, size, config.pad_token_id)
        return FairseqStack(config, NormedTokenEmbeddings(tokens, *rest), layer, decoder=True)


class BlenderbotSmallModel(BlenderbotSmallPreTrainedModel, FairseqModel):
    """The encoder-decoder without a head."""


class BlenderbotSmallForConditionalGeneration(BlenderbotSmallPreTrainedModel, WithLogitsBias):
    """Blenderbot-small with an output layer, for conversation."""

    model_class = BlenderbotSmallModel


class BlenderbotSmallDecoderModel(BlenderbotSmallPreTrainedModel, FairseqDecoder):
    """The decoder alone, without a head."""


class BlenderbotSmallForCausalLM(BlenderbotSmallPreTrainedModel, FairseqForCausalLM):
    """Blenderbot-small's decoder alone, with an output layer."""

    model_class = BlenderbotSmallDecoderModel
