"""ELECTRA: BERT with embeddings of a size of their own, as a discriminator or a generator."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_electra.configuration import ElectraConfig
from automodel_electra.weights import electra_names


class ElectraPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all ELECTRA models share: names of weights, and what a state is scored after."""

    config_class = ElectraConfig
    config: ElectraConfig
    base_model_prefix = "electra"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return electra_names(cls.body)

    @classmethod
    def make_transform(cls, config: ElectraConfig) -> modeling.HeadTransform:
        size, inner = config.hidden_size, config.embedding_size
        return modeling.HeadTransform(size, "gelu", config.layer_norm_eps, inner)


class ElectraModel(ElectraPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings, projected to the size of states, and layers."""

    def __init__(self, config: ElectraConfig, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=False)


class Detector(nn.Module):
    """One score for each state: a layer with an activation, and a layer with one output."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__()
        self.dense = layers.linear(config.hidden_size, config.hidden_size)
        self.activation = layers.activation(config.hidden_act)
        self.out_proj = layers.linear(config.hidden_size, 1)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, length)`` for ``(batch, length, size)``."""
        scores: Tensor = self.out_proj(self.activation(layers.project(self.dense, states)))
        return scores.squeeze(-1)


class ElectraForPreTraining(
    ElectraPreTrainedModel, family.BertFamilyHead, modeling.TextModelForReplacedTokens
):
    """Tell which tokens were replaced (1): the discriminator."""

    model_class = ElectraModel

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        self.detector = Detector(config)
        self.post_init()


class ElectraForMaskedLM(ElectraPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks: the generator."""

    model_class = ElectraModel


class ElectraForCausalLM(ElectraPreTrainedModel, family.BertFamilyForCausalLM):
    """Predict the next token, as a decoder."""

    model_class = ElectraModel


class ElectraForSequenceClassification(
    ElectraPreTrainedModel, family.FirstTokenForSequenceClassification
):
    """Classify texts, or give them numbers."""

    model_class = ElectraModel
    activation = "gelu"


class ElectraForMultipleChoice(
    ElectraPreTrainedModel, family.BertFamilyHead, modeling.TextModelForMultipleChoice
):
    """Choose one of several texts by a summary of each."""

    model_class = ElectraModel

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.sequence_summary = modeling.SequenceSummary(
            config.summary_type,
            layers.linear(size, size) if config.summary_use_proj else nn.Identity(),
            config.summary_activation,
            last_dropout=config.summary_last_dropout,
        )
        self.classifier = layers.linear(size, 1)
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput, inputs: modeling.TextInputs) -> Tensor:
        scores: Tensor = self.classifier(self.sequence_summary(body.last_hidden_state))
        return scores.view(inputs.shape[:-1])


class ElectraForTokenClassification(
    ElectraPreTrainedModel, family.BertFamilyForTokenClassification
):
    """Classify each token."""

    model_class = ElectraModel


class ElectraForQuestionAnswering(ElectraPreTrainedModel, family.BertFamilyForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = ElectraModel
