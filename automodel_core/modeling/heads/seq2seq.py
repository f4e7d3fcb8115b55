"""Heads on an encoder with a decoder: the wiring that all of them share, around any body."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers.tracing import in_trace
from automodel_core.modeling.bodies.seq2seq import (
    EncoderDecoderBody,
    EncoderOutputs,
    Seq2SeqOptions,
)
from automodel_core.modeling.calls import model_call
from automodel_core.modeling.heads.parts import answer_scores
from automodel_core.modeling.losses.classes import ItemCount
from automodel_core.modeling.losses.labels import classification_loss
from automodel_core.modeling.losses.text import token_loss
from automodel_core.modeling.outputs.seq2seq import (
    Seq2SeqLMOutput,
    Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "EncoderDecoderForConditionalGeneration",
    "EncoderDecoderForQuestionAnswering",
    "EncoderDecoderForSequenceClassification",
    "EncoderDecoderHead",
]


class EncoderDecoderHead(PreTrainedModel):
    """A head on an encoder-decoder ``model``."""

    model: EncoderDecoderBody
    body = "model"
    input_embeddings = "model.embed_tokens"

    def get_encoder(self) -> nn.Module:
        return self.model.get_encoder()

    def get_decoder(self) -> nn.Module:
        return self.model.get_decoder()

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        return self.model.shift_right(labels)


class EncoderDecoderForConditionalGeneration(EncoderDecoderHead, GenerativePreTrainedModel):
    """Next-token scores of the decoder."""

    output_embeddings = "lm_head"
    caches_with_labels: ClassVar[bool] = True
    """Whether a forward with labels returns a cache too."""

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs = None,
        *,
        labels: Tensor | None = None,
        num_items_in_batch: ItemCount = None,
        **inputs: Unpack[Seq2SeqOptions],
    ) -> Seq2SeqLMOutput:
        """Predict; with ``labels`` ``(batch, length)`` the decoder reads them shifted right."""
        if labels is not None:
            if decoder_input_ids is None and inputs.get("decoder_inputs_embeds") is None:
                decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
            if not self.caches_with_labels:
                inputs["use_cache"] = False
        read = (input_ids, attention_mask, decoder_input_ids, decoder_attention_mask)
        output = self.model(*read, encoder_outputs, **inputs)
        logits = self.score_states(output.last_hidden_state, inputs.get("past_key_values"))
        loss = None if labels is None else token_loss(logits, labels, num_items_in_batch)
        return Seq2SeqLMOutput.of(output, loss=loss, logits=logits)


class EncoderDecoderForSequenceClassification(EncoderDecoderHead):
    """A ``classifier`` of the decoder's state at the last end-of-sequence token."""

    classifier: nn.Module

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs = None,
        *,
        labels: Tensor | None = None,
        num_items_in_batch: ItemCount = None,
        **inputs: Unpack[Seq2SeqOptions],
    ) -> Seq2SeqSequenceClassifierOutput:
        """Score ``(batch, labels)``; the decoder reads the encoder's tokens, shifted right."""
        if input_ids is None:
            raise InputError(
                f"{type(self).__name__} looks for end-of-sequence tokens and needs input_ids"
            )
        if decoder_input_ids is None and inputs.get("decoder_inputs_embeds") is None:
            decoder_input_ids = self.model.shifted_inputs(input_ids)
        if labels is not None:
            inputs["use_cache"] = False
        read = (input_ids, attention_mask, decoder_input_ids, decoder_attention_mask)
        output = self.model(*read, encoder_outputs, **inputs)
        logits = self.classifier(self._at_last_end(output.last_hidden_state, input_ids))
        loss = None
        if labels is not None:
            kind = self.config.num_labels, self.config.problem_type
            loss = classification_loss(logits, labels, *kind, num_items_in_batch)
        return Seq2SeqSequenceClassifierOutput.of(output, loss=loss, logits=logits)

    def _at_last_end(self, states: Tensor, input_ids: Tensor) -> Tensor:
        end = self.config.eos_token_id
        if end is None:
            raise ConfigurationError(
                f"{type(self).__name__} needs eos_token_id in its configuration"
            )
        # Runtimes of exported programs have no isin.
        ids = torch.tensor(end, device=input_ids.device).view(-1)
        ends = (input_ids.unsqueeze(-1) == ids).any(dim=-1)
        counts = ends.sum(dim=1)
        if not in_trace() and not bool(((counts == counts[0]) & (counts > 0)).all()):
            raise InputError(
                "each row of input_ids must hold the same number of end-of-sequence tokens (id "
                f"{self.config.eos_token_id}), and at least one; they hold {counts.tolist()[:20]}"
            )
        rows, places = (torch.arange(size, device=states.device) for size in ends.shape)
        return states[rows, (places * ends).argmax(dim=1)]


class EncoderDecoderForQuestionAnswering(EncoderDecoderHead):
    """Scores of where an answer starts and ends, from the decoder's states."""

    qa_outputs: nn.Module

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs = None,
        *,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        **inputs: Unpack[Seq2SeqOptions],
    ) -> Seq2SeqQuestionAnsweringModelOutput:
        """Score ``(batch, length)`` starts and ends.

        The decoder reads the encoder's tokens, shifted right; positions are ``(batch,)``.
        """
        if decoder_input_ids is None and inputs.get("decoder_inputs_embeds") is None:
            decoder_input_ids = self.model.shifted_inputs(input_ids)
        if start_positions is not None and end_positions is not None:
            inputs["use_cache"] = False
        read = (input_ids, attention_mask, decoder_input_ids, decoder_attention_mask)
        output = self.model(*read, encoder_outputs, **inputs)
        scores = self.qa_outputs(output.last_hidden_state)
        return Seq2SeqQuestionAnsweringModelOutput.of(
            output, **answer_scores(scores, start_positions, end_positions)
        )
