"""mBART: pre-norm layers over learned positions, embeddings and last states normalised too."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqForQuestionAnswering,
    FairseqForSequenceClassification,
    FairseqModel,
    FairseqPreTrainedModel,
    SummedEmbeddings,
    WithLogitsBias,
    last_token_first,
    token_embedding,
)
from automodel_core.layers import LearnedPositions
from automodel_mbart.configuration import MBartConfig


class MBartPreTrainedModel(FairseqPreTrainedModel):
    """What all mBART models share."""

    config_class = MBartConfig
    config: MBartConfig
    norm_first = True

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> SummedEmbeddings:
        return SummedEmbeddings(
            token_embedding(config),
            LearnedPositions(config.max_position_embeddings, config.d_model, offset=2),
            nn.LayerNorm(config.d_model),
            config.dropout,
        )


class MBartModel(MBartPreTrainedModel, FairseqModel):
    """The encoder-decoder without a head; its decoder can read what the encoder does."""

    decodes_its_input = True

    def shift_right(self, tokens: Tensor) -> Tensor:
        return last_token_first(tokens, self.config.pad_token_id)


class MBartForConditionalGeneration(MBartPreTrainedModel, WithLogitsBias):
    """mBART with an output layer, for translation."""

    model_class = MBartModel


class MBartForSequenceClassification(MBartPreTrainedModel, FairseqForSequenceClassification):
    """mBART that classifies whole texts."""

    model_class = MBartModel


class MBartForQuestionAnswering(MBartPreTrainedModel, FairseqForQuestionAnswering):
    """mBART that finds the answer to a question in a text."""

    model_class = MBartModel


class MBartDecoderModel(MBartPreTrainedModel, FairseqDecoder):
    """The decoder alone, without a head."""


class MBartForCausalLM(MBartPreTrainedModel, FairseqForCausalLM):
    """mBART's decoder alone, with an output layer."""

    model_class = MBartDecoderModel
