"""RoBERTa: BERT with positions that count no padding, and heads of its own."""

from __future__ import annotations

import functools
from typing import Any

import automodel_core.families.bert as family
from automodel_core.checkpoint import WeightNames
from automodel_core.modeling import HeadTransform
from automodel_roberta.configuration import RobertaConfig


@functools.cache
def roberta_names(body: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = family.body_names({**family.EMBEDDING_NAMES, **family.LAYER_NAMES})
    if not body:
        return names
    vocabulary = family.vocabulary_names("lm_head", "dense", "layer_norm", is_tied=is_tied)
    return names.nested(hub="roberta", module=body) | vocabulary


class RobertaPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all RoBERTa models share."""

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
