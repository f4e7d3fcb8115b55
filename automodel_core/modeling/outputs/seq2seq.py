"""What an encoder with a decoder returns: the decoder's states or scores, and what led to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.modeling.outputs.base import FILLED, ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

    from automodel_core.layers.caches.base import Cache

__all__ = [
    "Seq2SeqLMOutput",
    "Seq2SeqLabelOutput",
    "Seq2SeqModelOutput",
    "Seq2SeqQuestionAnsweringModelOutput",
    "Seq2SeqSequenceClassifierOutput",
]


@dataclass
class Seq2SeqModelOutput(ModelOutput):
    """The states of a decoder and of the encoder that it attends to."""

    last_hidden_state: Tensor
    past_key_values: Cache | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


@dataclass
class Seq2SeqLabelOutput(ModelOutput):
    """Scores from the states of a decoder."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    past_key_values: Cache | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


class Seq2SeqLMOutput(Seq2SeqLabelOutput):
    """Next-token scores ``(batch, length, vocabulary)``."""


class Seq2SeqSequenceClassifierOutput(Seq2SeqLabelOutput):
    """Scores ``(batch, labels)`` of texts."""


@dataclass
class Seq2SeqQuestionAnsweringModelOutput(ModelOutput):
    """Scores ``(batch, length)`` of the answer's first and last token."""

    loss: Tensor | None = None
    start_logits: Tensor = FILLED
    end_logits: Tensor = FILLED
    past_key_values: Cache | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
