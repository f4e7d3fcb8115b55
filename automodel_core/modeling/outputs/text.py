"""What models of texts return: scores of tokens, and of labels for texts and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.modeling.outputs.base import FILLED, LabelOutput, ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

    from automodel_core.layers.caches.base import Cache

__all__ = [
    "CausalLMOutput",
    "MaskedLMOutput",
    "MultipleChoiceModelOutput",
    "NextSentencePredictorOutput",
    "QuestionAnsweringModelOutput",
    "SequenceClassifierOutput",
    "SequenceClassifierOutputWithPast",
    "TokenClassifierOutput",
]


@dataclass
class CausalLMOutput(ModelOutput):
    """Next-token scores ``(batch, length, vocabulary)``."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


class MaskedLMOutput(LabelOutput):
    """Scores ``(batch, length, vocabulary)`` of the tokens behind the masks."""


class SequenceClassifierOutput(LabelOutput):
    """Scores ``(batch, labels)`` of texts."""


@dataclass
class SequenceClassifierOutputWithPast(ModelOutput):
    """Scores ``(batch, labels)`` of texts, from a decoder."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class TokenClassifierOutput(LabelOutput):
    """Scores ``(batch, length, labels)``."""


class MultipleChoiceModelOutput(LabelOutput):
    """Scores ``(batch, choices)``."""


class NextSentencePredictorOutput(LabelOutput):
    """Scores ``(batch, 2)``: the second sentence continues the first, or it was drawn at random."""


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """Scores ``(batch, length)`` of the answer's first and last token."""

    loss: Tensor | None = None
    start_logits: Tensor = FILLED
    end_logits: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
