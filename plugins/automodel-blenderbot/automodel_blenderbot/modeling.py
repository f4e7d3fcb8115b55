"""Blenderbot: pre-norm layers over learned positions, and last states that are normalised."""

from __future__ import annotations

from typing import Any

import automodel_core.families.fairseq as fairseq
from automodel_blenderbot.configuration import BlenderbotConfig
from automodel_core import layers


class BlenderbotPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all Blenderbot models share."""

    config_class = BlenderbotConfig
    config: BlenderbotConfig
    norm_first = True

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        positions = layers.LearnedPositions(config.max_position_embeddings, config.d_model)
        return fairseq.SummedEmbeddings(
            fairseq.token_embedding(config), positions, dropout=config.dropout
        )


class BlenderbotModel(BlenderbotPreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head."""


class BlenderbotForConditionalGeneration(BlenderbotPreTrainedModel, fairseq.WithLogitsBias):
    """Blenderbot with an output layer, for conversation."""

    model_class = BlenderbotModel


class BlenderbotDecoderModel(BlenderbotPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head."""


class BlenderbotForCausalLM(BlenderbotPreTrainedModel, fairseq.FairseqForCausalLM):
    """Blenderbot's decoder alone, with an output layer."""

    model_class = BlenderbotDecoderModel
