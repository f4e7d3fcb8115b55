"""ALBERT: BERT with small embeddings, and layers that run more than once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_albert.configuration import AlbertConfig
from automodel_albert.weights import albert_names
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames

if TYPE_CHECKING:
    from typing_extensions import Unpack


class AlbertPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all ALBERT models share: names of weights, and a head's way back to the embeddings."""

    config_class = AlbertConfig
    config: AlbertConfig
    base_model_prefix = "albert"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        sizes = config.num_hidden_groups, config.inner_group_num
        return albert_names(cls.body, *sizes, is_tied=config.tie_word_embeddings)

    @classmethod
    def make_transform(cls, config: AlbertConfig) -> modeling.HeadTransform:
        size, inner = config.hidden_size, config.embedding_size
        return modeling.HeadTransform(size, config.hidden_act, config.layer_norm_eps, inner)


class AlbertModel(AlbertPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""

    @classmethod
    def make_projection(cls, config: AlbertConfig) -> nn.Module:
        return layers.linear(config.embedding_size, config.hidden_size)  # of equal sizes, too

    @classmethod
    def make_stack(cls, config: AlbertConfig) -> layers.TransformerStack:
        groups, inner, turns = (
            config.num_hidden_groups, config.inner_group_num, config.num_hidden_layers
        )  # fmt: skip
        order = [
            turn * groups // turns * inner + layer
            for turn in range(turns)
            for layer in range(inner)
        ]
        recipes = layers.repeated(partial(cls.make_layer, config), groups * inner)
        return layers.SharedLayerStack(recipes, order)


class AlbertForMaskedLM(AlbertPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = AlbertModel


class AlbertForSequenceClassification(
    AlbertPreTrainedModel, family.BertFamilyForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = AlbertModel


class AlbertForMultipleChoice(AlbertPreTrainedModel, family.BertFamilyForMultipleChoice):
    """Choose one of several texts."""

    model_class = AlbertModel


class AlbertForTokenClassification(AlbertPreTrainedModel, family.BertFamilyForTokenClassification):
    """Classify each token."""

    model_class = AlbertModel


class AlbertForQuestionAnswering(AlbertPreTrainedModel, family.BertFamilyForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = AlbertModel


@dataclass
class AlbertForPreTrainingOutput(modeling.ModelOutput):
    """Scores ``(batch, length, vocabulary)`` and ``(batch, 2)``; the loss is the sum of both."""

    loss: Tensor | None = None
    prediction_logits: Tensor = modeling.FILLED
    sop_logits: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class AlbertForPreTraining(AlbertPreTrainedModel, family.BertFamilyVocabularyHead):
    """Both of ALBERT's first tasks: masked tokens, and whether two texts are swapped (1) or not."""

    model_class = AlbertModel
    pooled = True

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.head_dropout)
        self.sentence_order = layers.linear(config.hidden_size, config.num_labels)
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
        sentence_order_label: Tensor | None = None,
        **options: Unpack[modeling.DecoderOptions],
    ) -> AlbertForPreTrainingOutput:
        """Score ``(batch, length)`` tokens; the loss needs both kinds of labels."""
        inputs = modeling.TextInputs(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        body = self.run(inputs, **options)
        logits = layers.project(self.lm_head, self.lm_transform(body.last_hidden_state))
        order = self.sentence_order(self.dropout(body.pooler_output))
        loss = None
        if labels is not None and sentence_order_label is not None:
            loss = modeling.token_loss(logits, labels)
            loss = loss + modeling.token_loss(order, sentence_order_label)
        return AlbertForPreTrainingOutput.of(
            body, loss=loss, prediction_logits=logits, sop_logits=order
        )
