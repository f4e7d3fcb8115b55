"""XLM-RoBERTa: RoBERTa with weights of 100 languages."""

from __future__ import annotations

import automodel_roberta.modeling as roberta
from automodel_roberta.configuration import XLMRobertaConfig


class XLMRobertaPreTrainedModel(roberta.RobertaPreTrainedModel):
    """What all XLM-RoBERTa models share."""

    config_class = XLMRobertaConfig
    config: XLMRobertaConfig


class XLMRobertaModel(XLMRobertaPreTrainedModel, roberta.RobertaModel):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""


class XLMRobertaForMaskedLM(XLMRobertaPreTrainedModel, roberta.RobertaForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = XLMRobertaModel


class XLMRobertaForCausalLM(XLMRobertaPreTrainedModel, roberta.RobertaForCausalLM):
    """Predict the next token, as a decoder."""

    model_class = XLMRobertaModel


class XLMRobertaForSequenceClassification(
    XLMRobertaPreTrainedModel, roberta.RobertaForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = XLMRobertaModel


class XLMRobertaForMultipleChoice(XLMRobertaPreTrainedModel, roberta.RobertaForMultipleChoice):
    """Choose one of several texts."""

    model_class = XLMRobertaModel


class XLMRobertaForTokenClassification(
    XLMRobertaPreTrainedModel, roberta.RobertaForTokenClassification
):
    """Classify each token."""

    model_class = XLMRobertaModel


class XLMRobertaForQuestionAnswering(
    XLMRobertaPreTrainedModel, roberta.RobertaForQuestionAnswering
):
    """Find where in a text the answer to a question starts and ends."""

    model_class = XLMRobertaModel
