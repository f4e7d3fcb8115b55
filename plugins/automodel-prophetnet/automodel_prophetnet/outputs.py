"""What ProphetNet returns: beside the usual, the states and scores of the predicting streams.

Streams follow each other along the sequence, ``(batch, ngram * length, hidden_size)``; scores have
a dimension for them, ``(batch, ngram - 1, length, vocabulary)``, without the next token's, which
are the ``logits``. Attention weights ``(batch, ngram, heads, length, keys + length)`` are over the
main stream, then over the stream itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from automodel_core.layers import Cache
from automodel_core.modeling import FILLED, ModelOutput


@dataclass
class ProphetNetDecoderModelOutput(ModelOutput):
    """The states of a decoder."""

    last_hidden_state: Tensor
    last_hidden_state_ngram: Tensor
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    hidden_states_ngram: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    ngram_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass
class ProphetNetDecoderLMOutput(ModelOutput):
    """The scores of a decoder."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    logits_ngram: Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    hidden_states_ngram: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    ngram_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass
class ProphetNetSeq2SeqModelOutput(ModelOutput):
    """The states of a decoder and of the encoder that it attends to."""

    last_hidden_state: Tensor
    last_hidden_state_ngram: Tensor
    past_key_values: Cache | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_ngram_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    decoder_ngram_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


@dataclass
class ProphetNetSeq2SeqLMOutput(ModelOutput):
    """The scores of a decoder, and the states behind them."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    logits_ngram: Tensor | None = None
    past_key_values: Cache | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_ngram_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    decoder_ngram_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
