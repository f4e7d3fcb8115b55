"""MPNet: BERT with scores of distances, and positions that count no padding."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import automodel_core.families.bert as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_mpnet.configuration import PADDING_ROW, MPNetConfig
from automodel_mpnet.weights import mpnet_names

FARTHEST = 128
"""The distance from which on all share a bucket."""


class MPNetPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all MPNet models share: names of weights, and what a state is scored after."""

    config_class = MPNetConfig
    config: MPNetConfig
    base_model_prefix = "mpnet"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return mpnet_names(cls.body, is_tied=config.tie_word_embeddings)

    @classmethod
    def make_transform(cls, config: MPNetConfig) -> modeling.HeadTransform:
        return modeling.HeadTransform(config.hidden_size, "gelu", config.layer_norm_eps)


class MPNetModel(MPNetPreTrainedModel, family.PositionsBehindPadding):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""

    has_token_types = False

    def __init__(self, config: MPNetConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        buckets, heads = config.relative_attention_num_buckets, config.num_attention_heads
        self.distances = layers.RelativePositionBias(heads, buckets, FARTHEST, bidirectional=True)
        self.post_init()

    @classmethod
    def padding_row(cls, config: Any) -> int:
        return PADDING_ROW

    def mask(self, inputs: modeling.TextInputs, states: Tensor) -> Tensor:
        distances: Tensor = self.distances.at(inputs.span, None)
        hidden = layers.padding_mask(inputs.attention_mask, states.dtype)
        return distances if hidden is None else hidden + distances


class MPNetForMaskedLM(MPNetPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = MPNetModel


class MPNetForSequenceClassification(
    MPNetPreTrainedModel, family.FirstTokenForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = MPNetModel


class MPNetForMultipleChoice(MPNetPreTrainedModel, family.BertFamilyForMultipleChoice):
    """Choose one of several texts."""

    model_class = MPNetModel


class MPNetForTokenClassification(MPNetPreTrainedModel, family.BertFamilyForTokenClassification):
    """Classify each token."""

    model_class = MPNetModel


class MPNetForQuestionAnswering(MPNetPreTrainedModel, family.BertFamilyForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = MPNetModel
