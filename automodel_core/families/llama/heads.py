"""Heads: a plugin joins each with its own base, and names its body in ``model_class``."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from automodel_core.families.llama.models import LlamaFamilyModel, LlamaFamilyPreTrainedModel
from automodel_core.layers.kernels.linear import linear
from automodel_core.modeling.heads.text import (
    DecoderForSequenceClassification,
    TextModelForCausalLM,
    TextModelForQuestionAnswering,
    TextModelForTokenClassification,
    TextModelHead,
)

__all__ = [
    "LlamaFamilyForCausalLM",
    "LlamaFamilyForQuestionAnswering",
    "LlamaFamilyForSequenceClassification",
    "LlamaFamilyForTokenClassification",
    "LlamaFamilyHead",
]


class LlamaFamilyHead(LlamaFamilyPreTrainedModel, TextModelHead):
    """A head on the body ``model_class``."""

    model_class: ClassVar[type[LlamaFamilyModel]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = self.model_class(config)


class LlamaFamilyForCausalLM(LlamaFamilyHead, TextModelForCausalLM):
    """Predict the next token."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.lm_head = linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()


class LlamaFamilyForSequenceClassification(LlamaFamilyHead, DecoderForSequenceClassification):
    """Classify texts by the state of their last token, or give them numbers."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.classifier = linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()


class LlamaFamilyForTokenClassification(LlamaFamilyHead, TextModelForTokenClassification):
    """Classify each token."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = linear(config.hidden_size, config.num_labels)
        self.post_init()


class LlamaFamilyForQuestionAnswering(LlamaFamilyHead, TextModelForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    base_model_prefix = "transformer"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.qa_outputs = linear(config.hidden_size, 2)
        self.post_init()
