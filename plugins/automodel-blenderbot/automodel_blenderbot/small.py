"""Blenderbot-small: post-norm layers, and a decoder that normalises tokens before positions."""

from __future__ import annotations

from typing import Any

import automodel_core.families.fairseq as fairseq
from automodel_blenderbot.configuration import BlenderbotSmallConfig
from automodel_core import layers
from automodel_core.layers import layer_norm


class BlenderbotSmallPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all Blenderbot-small models share."""

    config_class = BlenderbotSmallConfig
    config: BlenderbotSmallConfig
    norm_first = False

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.TextEmbeddings:
        size = config.d_model
        positions = layers.LearnedPositions(config.max_position_embeddings, size)
        rest = (positions, layer_norm(size), config.dropout)
        if not decoder:
            return fairseq.SummedEmbeddings(fairseq.token_embedding(config), *rest)
        # Scaling makes no difference to what is normalised.
        tokens = layers.embedding(config.vocab_size, size, config.pad_token_id)
        return fairseq.NormedTokenEmbeddings(tokens, *rest)


class BlenderbotSmallModel(BlenderbotSmallPreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head."""


class BlenderbotSmallForConditionalGeneration(
    BlenderbotSmallPreTrainedModel, fairseq.WithLogitsBias
):
    """Blenderbot-small with an output layer, for conversation."""

    model_class = BlenderbotSmallModel


class BlenderbotSmallDecoderModel(BlenderbotSmallPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head."""


class BlenderbotSmallForCausalLM(BlenderbotSmallPreTrainedModel, fairseq.FairseqForCausalLM):
    """Blenderbot-small's decoder alone, with an output layer."""

    model_class = BlenderbotSmallDecoderModel
