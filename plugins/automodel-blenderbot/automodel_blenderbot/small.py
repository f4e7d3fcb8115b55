"""Blenderbot-small: post-norm layers, and a decoder that normalises tokens before positions."""

from __future__ import annotations

from typing import Any

from torch import nn

from automodel_blenderbot.configuration import BlenderbotSmallConfig
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqModel,
    FairseqPreTrainedModel,
    NormedTokenEmbeddings,
    SummedEmbeddings,
    TextEmbeddings,
    WithLogitsBias,
    token_embedding,
)
from automodel_core.layers import Embedding, LearnedPositions


class BlenderbotSmallPreTrainedModel(FairseqPreTrainedModel):
    """What all Blenderbot-small models share."""

    config_class = BlenderbotSmallConfig
    config: BlenderbotSmallConfig
    norm_first = False

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> TextEmbeddings:
        size = config.d_model
        positions = LearnedPositions(config.max_position_embeddings, size)
        rest = (positions, nn.LayerNorm(size), config.dropout)
        if not decoder:
            return SummedEmbeddings(token_embedding(config), *rest)
        # Scaling makes no difference to what is normalised.
        tokens = Embedding(config.vocab_size, size, config.pad_token_id)
        return NormedTokenEmbeddings(tokens, *rest)


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
