"""BERT: post-norm layers over learned positions, pooled by the first token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

import automodel_core.families.bert as family
from automodel_bert.configuration import BertConfig
from automodel_bert.weights import bert_names
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames

if TYPE_CHECKING:
    from typing_extensions import Unpack


class BertPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all BERT models share: names of weights."""

    config_class = BertConfig
    config: BertConfig
    base_model_prefix = "bert"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return bert_names(cls.body, is_tied=config.tie_word_embeddings)


class BertModel(BertPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""


class BertForMaskedLM(BertPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = BertModel


class BertLMHeadModel(BertPreTrainedModel, family.BertFamilyForCausalLM):
    """Predict the next token, as a decoder."""

    model_class = BertModel
    loss_type = None  # trainers count every label of this class, as in the reference


class BertForNextSentencePrediction(
    BertPreTrainedModel, family.BertFamilyHead, modeling.TextModelForNextSentencePrediction
):
    """Tell whether the second sentence continues the first (0) or was drawn at random (1)."""

    model_class = BertModel
    pooled = True

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.next_sentence = layers.linear(config.hidden_size, 2)
        self.post_init()


class BertForSequenceClassification(
    BertPreTrainedModel, family.BertFamilyForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = BertModel


class BertForMultipleChoice(BertPreTrainedModel, family.BertFamilyForMultipleChoice):
    """Choose one of several texts."""

    model_class = BertModel


class BertForTokenClassification(BertPreTrainedModel, family.BertFamilyForTokenClassification):
    """Classify each token."""

    model_class = BertModel


class BertForQuestionAnswering(BertPreTrainedModel, family.BertFamilyForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = BertModel


@dataclass
class BertForPreTrainingOutput(modeling.ModelOutput):
    """Scores ``(batch, length, vocabulary)`` and ``(batch, 2)``; the loss is the sum of both."""

    loss: Tensor | None = None
    prediction_logits: Tensor = modeling.FILLED
    seq_relationship_logits: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class BertForPreTraining(BertPreTrainedModel, family.BertFamilyVocabularyHead):
    """Both of BERT's first tasks: masked tokens and the next sentence."""

    model_class = BertModel
    pooled = True

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.next_sentence = layers.linear(config.hidden_size, 2)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        **options: Unpack[modeling.DecoderOptions],
    ) -> BertForPreTrainingOutput:
        """Score ``(batch, length)`` tokens; the loss needs both kinds of labels."""
        inputs = modeling.TextInputs(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        body = self.run(inputs, **options)
        logits = layers.project(self.lm_head, self.lm_transform(body.last_hidden_state))
        next_logits = self.next_sentence(body.pooler_output)
        loss = None
        if labels is not None and next_sentence_label is not None:
            loss = modeling.token_loss(logits, labels)
            loss = loss + modeling.token_loss(next_logits, next_sentence_label)
        return BertForPreTrainingOutput.of(
            body, loss=loss, prediction_logits=logits, seq_relationship_logits=next_logits
        )
