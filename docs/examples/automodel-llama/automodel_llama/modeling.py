"""Llama: what its family shares, and nothing else."""

from __future__ import annotations

import automodel_core.families.llama as family
from automodel_llama.configuration import LlamaConfig


class LlamaPreTrainedModel(family.LlamaFamilyPreTrainedModel):
    """What all Llama models share."""

    config_class = LlamaConfig
    config: LlamaConfig


class LlamaModel(LlamaPreTrainedModel, family.LlamaFamilyModel):
    """The decoder without a head."""


class LlamaForCausalLM(LlamaPreTrainedModel, family.LlamaFamilyForCausalLM):
    """Predict the next token."""

    model_class = LlamaModel


class LlamaForSequenceClassification(
    LlamaPreTrainedModel, family.LlamaFamilyForSequenceClassification
):
    """Classify texts by their last tokens, or give them numbers."""

    model_class = LlamaModel


class LlamaForTokenClassification(LlamaPreTrainedModel, family.LlamaFamilyForTokenClassification):
    """Classify each token."""

    model_class = LlamaModel


class LlamaForQuestionAnswering(family.LlamaFamilyForQuestionAnswering, LlamaPreTrainedModel):
    """Find where in a text the answer to a question starts and ends."""

    model_class = LlamaModel
