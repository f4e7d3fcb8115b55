"""CamemBERT: RoBERTa with weights of French."""

from __future__ import annotations

import automodel_roberta.modeling as roberta
from automodel_roberta.configuration import CamembertConfig


class CamembertPreTrainedModel(roberta.RobertaPreTrainedModel):
    """What all CamemBERT models share."""

    config_class = CamembertConfig
    config: CamembertConfig


class CamembertModel(CamembertPreTrainedModel, roberta.RobertaModel):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""


class CamembertForMaskedLM(CamembertPreTrainedModel, roberta.RobertaForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = CamembertModel


class CamembertForCausalLM(CamembertPreTrainedModel, roberta.RobertaForCausalLM):
    """Predict the next token, as a decoder."""

    model_class = CamembertModel


class CamembertForSequenceClassification(
    CamembertPreTrainedModel, roberta.RobertaForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = CamembertModel


class CamembertForMultipleChoice(CamembertPreTrainedModel, roberta.RobertaForMultipleChoice):
    """Choose one of several texts."""

    model_class = CamembertModel


class CamembertForTokenClassification(
    CamembertPreTrainedModel, roberta.RobertaForTokenClassification
):
    """Classify each token."""

    model_class = CamembertModel


class CamembertForQuestionAnswering(CamembertPreTrainedModel, roberta.RobertaForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = CamembertModel
