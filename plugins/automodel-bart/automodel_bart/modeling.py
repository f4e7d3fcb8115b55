"""BART: post-norm layers over learned positions, and embeddings that are normalised."""

from __future__ import annotations

from typing import Any

import automodel_core.families.fairseq as fairseq
from automodel_bart.configuration import BartConfig
from automodel_core import layers
from automodel_core.layers import layer_norm


class BartPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all BART models share."""

    config_class = BartConfig
    config: BartConfig
    norm_first = False

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        return fairseq.SummedEmbeddings(
            fairseq.token_embedding(config),
            layers.LearnedPositions(config.max_position_embeddings, config.d_model, offset=2),
            layer_norm(config.d_model),
            config.dropout,
        )


BartPretrainedModel = PretrainedBartModel = BartPreTrainedModel


class BartModel(BartPreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head; its decoder can read what the encoder does."""

    decodes_its_input = True


class BartForConditionalGeneration(BartPreTrainedModel, fairseq.WithLogitsBias):
    """BART with an output layer, for text in and text out."""

    model_class = BartModel


class BartForSequenceClassification(BartPreTrainedModel, fairseq.FairseqForSequenceClassification):
    """BART that classifies whole texts."""

    model_class = BartModel


class BartForQuestionAnswering(BartPreTrainedModel, fairseq.FairseqForQuestionAnswering):
    """BART that finds the answer to a question in a text."""

    model_class = BartModel


class BartDecoderModel(BartPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head."""


class BartForCausalLM(BartPreTrainedModel, fairseq.FairseqForCausalLM):
    """BART's decoder alone, with an output layer."""

    model_class = BartDecoderModel
