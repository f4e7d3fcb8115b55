"""Heads: a plugin joins each with its own base, and names its body in ``model_class``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from automodel_core.families.bert.models import BertFamilyModel, BertFamilyPreTrainedModel
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.decode_steps import score_tokens
from automodel_core.layers.kernels.linear import linear
from automodel_core.modeling.bodies.inputs import DecoderOptions, TextInputs
from automodel_core.modeling.heads.parts import ClassificationHead, Pooler
from automodel_core.modeling.heads.text import (
    TextModelForCausalLM,
    TextModelForMaskedLM,
    TextModelForMultipleChoice,
    TextModelForQuestionAnswering,
    TextModelForSequenceClassification,
    TextModelForTokenClassification,
    TextModelHead,
)
from automodel_core.modeling.outputs.base import BaseModelOutput

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "BertFamilyForCausalLM",
    "BertFamilyForMaskedLM",
    "BertFamilyForMultipleChoice",
    "BertFamilyForQuestionAnswering",
    "BertFamilyForSequenceClassification",
    "BertFamilyForTokenClassification",
    "BertFamilyHead",
    "BertFamilyVocabularyHead",
    "FirstTokenForSequenceClassification",
    "HeadWithPooler",
]

logger = logging.getLogger("automodel_core")


class BertFamilyHead(BertFamilyPreTrainedModel, TextModelHead):
    """A head on the body ``model_class``; ``pooled`` says whether it needs the body's pooler."""

    model_class: ClassVar[type[BertFamilyModel]]
    pooled: ClassVar[bool] = False

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = self.model_class(config, add_pooling_layer=self.pooled)


class BertFamilyVocabularyHead(BertFamilyHead):
    """A head with scores over the vocabulary, whose weights may be the input embeddings."""

    output_embeddings = "lm_head"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.lm_transform = self.make_transform(config)
        self.lm_head = linear(config.token_size, config.vocab_size)


class BertFamilyForMaskedLM(BertFamilyVocabularyHead, TextModelForMaskedLM):
    """Guess the tokens behind the masks."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if config.is_decoder:
            name = type(self).__name__
            logger.warning("%s sees only earlier tokens, because of is_decoder=True", name)
        self.post_init()


class BertFamilyForCausalLM(BertFamilyVocabularyHead, TextModelForCausalLM):
    """Predict the next token, as a decoder."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if not config.is_decoder:
            name = type(self).__name__
            logger.warning("%s sees later tokens too, unless is_decoder=True", name)
        self.post_init()

    def score_states(self, hidden_states: Tensor, cache: Cache | None) -> Tensor:
        return score_tokens(self.lm_head, self.lm_transform(hidden_states), cache)


class BertFamilyForSequenceClassification(BertFamilyHead, TextModelForSequenceClassification):
    """Classify texts by their pooled state, or give them numbers."""

    pooled = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = linear(config.hidden_size, config.num_labels)
        self.post_init()


class FirstTokenForSequenceClassification(BertFamilyHead, TextModelForSequenceClassification):
    """Classify texts by the state of their first token, or give them numbers."""

    activation: ClassVar[str] = "tanh"
    classifier: ClassificationHead  # type: ignore[assignment]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.classifier = ClassificationHead(
            config.hidden_size, config.num_labels, config.head_dropout, self.activation
        )
        self.post_init()

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.classifier(body.last_hidden_state[:, 0])
        return scores


class BertFamilyForMultipleChoice(BertFamilyHead, TextModelForMultipleChoice):
    """Choose one of several texts by their pooled states."""

    pooled = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = linear(config.hidden_size, 1)
        self.post_init()


class BertFamilyForTokenClassification(BertFamilyHead, TextModelForTokenClassification):
    """Classify each token."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = linear(config.hidden_size, config.num_labels)
        self.post_init()


class BertFamilyForQuestionAnswering(BertFamilyHead, TextModelForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.qa_outputs = linear(config.hidden_size, config.num_labels)
        self.post_init()


class HeadWithPooler(BertFamilyHead):
    """A head that pools for itself, on a body without a pooler; it comes before the head's class.

    The plugin's ``__init__`` sets the ``pooler``.
    """

    pooled = False
    pooler: Pooler

    def run(self, inputs: TextInputs, **options: Unpack[DecoderOptions]) -> BaseModelOutput:
        body = super().run(inputs, **options)
        body.pooler_output = self.pooler(body.last_hidden_state)
        return body
