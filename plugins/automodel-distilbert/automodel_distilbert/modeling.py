"""DistilBERT: BERT without token types and pooler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_distilbert.configuration import DistilBertConfig
from automodel_distilbert.weights import distilbert_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


class DistilBertPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all DistilBERT models share: names of weights."""

    config_class = DistilBertConfig
    config: DistilBertConfig
    base_model_prefix = "distilbert"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return distilbert_names(cls.body)


class DistilBertModel(DistilBertPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings of tokens and positions, which may be sinusoids, and layers."""

    has_token_types = False

    def __init__(self, config: DistilBertConfig, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=False)

    @classmethod
    def make_positions(cls, config: DistilBertConfig) -> nn.Module:
        if config.sinusoidal_pos_embds:
            return layers.InterleavedPositions(config.max_position_embeddings, config.dim)
        return super().make_positions(config)

    def place(self, embedded: Tensor, inputs: modeling.TextInputs) -> Tensor:
        table = self.embed_positions
        if not isinstance(table, layers.SinusoidalPositions):
            return super().place(embedded, inputs)
        placed: Tensor = embedded + table.weight[self.positions_of(inputs)]
        return placed


class DistilBertForMaskedLM(DistilBertPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = DistilBertModel


class PooledByHead(DistilBertPreTrainedModel, family.HeadWithPooler):
    """A head that pools the first token for itself; it comes before the head's class."""

    model_class = DistilBertModel

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.pooler = modeling.Pooler(config.dim, activation="relu")
        self.dropout = nn.Dropout(config.seq_classif_dropout)
        self.post_init()


class DistilBertForSequenceClassification(PooledByHead, family.BertFamilyForSequenceClassification):
    """Classify texts, or give them numbers."""


class DistilBertForMultipleChoice(PooledByHead, family.BertFamilyForMultipleChoice):
    """Choose one of several texts."""


class DistilBertForTokenClassification(
    DistilBertPreTrainedModel, family.BertFamilyForTokenClassification
):
    """Classify each token."""

    model_class = DistilBertModel


class DistilBertForQuestionAnswering(
    DistilBertPreTrainedModel, family.BertFamilyForQuestionAnswering
):
    """Find where in a text the answer to a question starts and ends."""

    model_class = DistilBertModel

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.qa_dropout)

    def run(
        self, inputs: modeling.TextInputs, **options: Unpack[modeling.DecoderOptions]
    ) -> modeling.BaseModelOutput:
        body = super().run(inputs, **options)
        body.last_hidden_state = self.dropout(body.last_hidden_state)
        return body
