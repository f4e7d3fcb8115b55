"""mBART: pre-norm layers over learned positions, embeddings and last states normalised too."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.errors import ConfigurationError
from automodel_core.families.fairseq import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqForQuestionAnswering,
    FairseqForSequenceClassification,
    FairseqModel,
    FairseqPreTrainedModel,
    FairseqStack,
    SummedEmbeddings,
    WithLogitsBias,
    text_layer,
    token_embedding,
)
from automodel_core.layers import LearnedPositions
from automodel_mbart.configuration import MBartConfig

__all__ = [
    "MBartDecoderModel",
    "MBartForCausalLM",
    "MBartForConditionalGeneration",
    "MBartForQuestionAnswering",
    "MBartForSequenceClassification",
    "MBartModel",
    "MBartPreTrainedModel",
]


class MBartPreTrainedModel(FairseqPreTrainedModel):
    """What all mBART models share."""

    config_class = MBartConfig
    config: MBartConfig

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        norm = partial(nn.LayerNorm, config.d_model)
        embeddings = SummedEmbeddings(
            token_embedding(config),
            LearnedPositions(config.max_position_embeddings, config.d_model, offset=2),
            norm(),
            config.dropout,
        )
        layer = partial(text_layer, config, decoder=decoder, norm_first=True)
        return FairseqStack(config, embeddings, layer, norm(), decoder=decoder)


class MBartModel(MBartPreTrainedModel, FairseqModel):
    """The encoder-decoder without a head; its decoder can read what the encoder does."""

    decodes_its_input = True

    def shift_right(self, tokens: Tensor) -> Tensor:
        """Return ``tokens`` behind their last one, the code of the language."""
        pad = self.config.pad_token_id
        if pad is None:
            raise ConfigurationError("labels end where padding begins: pad_token_id is needed")
        tokens = tokens.masked_fill(tokens == -100, pad)
        last = (tokens != pad).sum(dim=1, keepdim=True) - 1
        return torch.cat([tokens.gather(1, last), tokens[:, :-1]], dim=1)


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
