"""RoBERTa: BERT with positions that count no padding, and heads of its own."""

from __future__ import annotations

from typing import Any

import automodel_core.families.bert as family
from automodel_core.checkpoint import WeightNames
from automodel_core.modeling import HeadTransform
from automodel_roberta.configuration import RobertaConfig
from automodel_roberta.weights import roberta_names


class RobertaPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all RoBERTa models share: names of weights, and what a state is scored after."""

    config_class = RobertaConfig
    config: RobertaConfig
    base_model_prefix = "roberta"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return roberta_names(cls.body, is_tied=config.tie_word_embeddings)

    @classmethod
    def make_transform(cls, config: RobertaConfig) -> HeadTransform:
        return HeadTransform(config.hidden_size, "gelu", config.layer_norm_eps)


class RobertaModel(RobertaPreTrainedModel, family.PositionsBehindPadding):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""


class RobertaForMaskedLM(RobertaPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = RobertaModel


class RobertaForCausalLM(RobertaPreTrainedModel, family.BertFamilyForCausalLM):
    """Predict the next token, as a decoder."""

    model_class = RobertaModel


class RobertaForSequenceClassification(
    RobertaPreTrainedModel, family.FirstTokenForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = RobertaModel


class RobertaForMultipleChoice(RobertaPreTrainedModel, family.BertFamilyForMultipleChoice):
    """Choose one of several texts."""

    model_class = RobertaModel


class RobertaForTokenClassification(
    RobertaPreTrainedModel, family.BertFamilyForTokenClassification
):
    """Classify each token."""

    model_class = RobertaModel


class RobertaForQuestionAnswering(RobertaPreTrainedModel, family.BertFamilyForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = RobertaModel
