"""mBART: pre-norm layers over learned positions, embeddings and last states normalised too."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import automodel_core.families.fairseq as fairseq
from automodel_core import layers
from automodel_core.layers import layer_norm
from automodel_mbart.configuration import MBartConfig


class MBartPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all mBART models share."""

    config_class = MBartConfig
    config: MBartConfig
    norm_first = True

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        return fairseq.SummedEmbeddings(
            fairseq.token_embedding(config),
            layers.LearnedPositions(config.max_position_embeddings, config.d_model, offset=2),
            layer_norm(config.d_model),
            config.dropout,
        )


class MBartModel(MBartPreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head; its decoder can read what the encoder does."""

    decodes_its_input = True

    def shift_right(self, tokens: Tensor) -> Tensor:
        return fairseq.last_token_first(tokens, self.config.pad_token_id)


class MBartForConditionalGeneration(MBartPreTrainedModel, fairseq.WithLogitsBias):
    """mBART with an output layer, for translation."""

    model_class = MBartModel


class MBartForSequenceClassification(
    MBartPreTrainedModel, fairseq.FairseqForSequenceClassification
):
    """mBART that classifies whole texts."""

    model_class = MBartModel


class MBartForQuestionAnswering(MBartPreTrainedModel, fairseq.FairseqForQuestionAnswering):
    """mBART that finds the answer to a question in a text."""

    model_class = MBartModel


class MBartDecoderModel(MBartPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head."""


class MBartForCausalLM(MBartPreTrainedModel, fairseq.FairseqForCausalLM):
    """mBART's decoder alone, with an output layer."""

    model_class = MBartDecoderModel
