"""mT5 and UMT5: T5 with other defaults; UMT5 has position biases in each layer."""

from __future__ import annotations

from automodel_t5.configuration import MT5Config, UMT5Config
from automodel_t5.modeling import (
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5ForQuestionAnswering,
    T5ForSequenceClassification,
    T5ForTokenClassification,
    T5Model,
)


class MT5Model(T5Model):
    """mT5 without a head."""

    config_class = MT5Config


class MT5EncoderModel(T5EncoderModel):
    """mT5's encoder alone."""

    config_class = MT5Config


class MT5ForConditionalGeneration(T5ForConditionalGeneration):
    """mT5 with an output layer."""

    config_class = MT5Config


class MT5ForSequenceClassification(T5ForSequenceClassification):
    """mT5 that classifies whole texts."""

    config_class = MT5Config


class MT5ForQuestionAnswering(T5ForQuestionAnswering):
    """mT5 that finds the answer to a question in a text."""

    config_class = MT5Config


class MT5ForTokenClassification(T5ForTokenClassification):
    """mT5's encoder with a label for each token."""

    config_class = MT5Config


class UMT5Model(T5Model):
    """UMT5 without a head."""

    config_class = UMT5Config


class UMT5EncoderModel(T5EncoderModel):
    """UMT5's encoder alone."""

    config_class = UMT5Config


class UMT5ForConditionalGeneration(T5ForConditionalGeneration):
    """UMT5 with an output layer."""

    config_class = UMT5Config


class UMT5ForSequenceClassification(T5ForSequenceClassification):
    """UMT5 that classifies whole texts."""

    config_class = UMT5Config


class UMT5ForQuestionAnswering(T5ForQuestionAnswering):
    """UMT5 that finds the answer to a question in a text."""

    config_class = UMT5Config


class UMT5ForTokenClassification(T5ForTokenClassification):
    """UMT5's encoder with a label for each token."""

    config_class = UMT5Config
