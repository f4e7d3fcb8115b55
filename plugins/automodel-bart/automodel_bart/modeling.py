"""BART: post-norm layers over learned positions, and embeddings that are normalised."""

from __future__ import annotations

from typing import Any

from torch import nn

from automodel_bart.configuration import BartConfig
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqForQuestionAnswering,
    FairseqForSequenceClassification,
    FairseqModel,
    FairseqPreTrainedModel,
    SummedEmbeddings,
    WithLogitsBias,
    token_embedding,
)
from automodel_core.layers import LearnedPositions


class BartPreTrainedModel(FairseqPreTrainedModel):
    """What all BART models share."""

    config_class = BartConfig
    config: BartConfig
    norm_first = False

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> SummedEmbeddings:
        return SummedEmbeddings(
            token_embedding(config),
            LearnedPositions(config.max_position_embeddings, config.d_model, offset=2),
            nn.LayerNorm(config.d_model),
            config.dropout,
        )


BartPretrainedModel = PretrainedBartModel = BartPreTrainedModel


class BartModel(BartPreTrainedModel, FairseqModel):
    """The encoder-decoder without a head; its decoder can read what the encoder does."""

    decodes_its_input = True


class BartForConditionalGeneration(BartPreTrainedModel, WithLogitsBias):
    """BART with an output layer, for text in and text out."""

    model_class = BartModel


class BartForSequenceClassification(BartPreTrainedModel, FairseqForSequenceClassification):
    """BART that classifies whole texts."""

    model_class = BartModel


class BartForQuestionAnswering(BartPreTrainedModel, FairseqForQuestionAnswering):
    """BART that finds the answer to a question in a text."""

    model_class = BartModel


class BartDecoderModel(BartPreTrainedModel, FairseqDecoder):
    """The decoder alone, without a head."""


class BartForCausalLM(BartPreTrainedModel, FairseqForCausalLM):
    """BART's decoder alone, with an output layer."""

    model_class = BartDecoderModel
