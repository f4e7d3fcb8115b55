"""Encoder-decoder models: the wiring that all of them share, around any encoder and decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers.caches.base import Cache
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.losses import classification_loss, span_loss, token_loss
from automodel_core.modeling.outputs import (
    BaseModelOutput,
    ModelOutput,
    Seq2SeqLMOutput,
    Seq2SeqModelOutput,
    Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "EncoderDecoderBody",
    "EncoderDecoderForConditionalGeneration",
    "EncoderDecoderForQuestionAnswering",
    "EncoderDecoderForSequenceClassification",
    "EncoderDecoderHead",
    "shift_right",
]


def shift_right(labels: Tensor, pad_token_id: int | None, start_token_id: Any) -> Tensor:
    """Return what the decoder reads to predict ``labels``: a start token, and all but the last.

    Both are ``(batch, length)``. Labels of -100, which do not count, become padding. Raises
    `ConfigurationError` if there is no start or padding token.
    """
    if not isinstance(start_token_id, int) or pad_token_id is None:
        raise ConfigurationError(
            "labels are shifted right to feed the decoder, which needs decoder_start_token_id and "
            f"pad_token_id in the configuration; they are {start_token_id!r} and {pad_token_id!r}"
        )
    shifted = torch.cat([labels.new_full((len(labels), 1), start_token_id), labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


def as_encoder_output(encoder_outputs: Any) -> BaseModelOutput:
    """Return the encoder's output, which callers may also give as a tuple or mapping."""
    if isinstance(encoder_outputs, BaseModelOutput):
        return encoder_outputs
    if isinstance(encoder_outputs, Mapping | ModelOutput):
        named = dict(encoder_outputs.items())
        kept = ("last_hidden_state", "hidden_states", "attentions")
        return BaseModelOutput(**{key: named[key] for key in kept if key in named})
    states, *more = encoder_outputs
    hidden_states, attentions = (*more, None, None)[:2]
    return BaseModelOutput(states, hidden_states=hidden_states, attentions=attentions)


class EncoderDecoderBody(PreTrainedModel):
    """An ``encoder`` and a ``decoder``, which attends to it."""

    decodes_its_input: ClassVar[bool] = False
    """Whether the decoder, given nothing, reads what the encoder does, shifted right."""

    encoder: nn.Module
    decoder: nn.Module

    def get_encoder(self) -> nn.Module:
        return self.encoder

    def get_decoder(self) -> nn.Module:
        return self.decoder

    def shift_right(self, tokens: Tensor) -> Tensor:
        """Return what the decoder reads to predict ``tokens``, ``(batch, length)`` both."""
        return shift_right(tokens, self.config.pad_token_id, self.config.decoder_start_token_id)

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Seq2SeqModelOutput:
        """Encode ``(batch, length)``, unless ``encoder_outputs`` are given, and decode."""
        if self.decodes_its_input and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.shift_right(_needed(input_ids))
        if (decoder_input_ids is None) == (decoder_inputs_embeds is None):
            raise InputError("give either decoder_input_ids or decoder_inputs_embeds")
        if encoder_outputs is None:
            encoder_outputs = self.encoder(
                input_ids=input_ids,
                attention_mask=attention_mask,
                inputs_embeds=inputs_embeds,
                **options,
            )
        encoded = as_encoder_output(encoder_outputs)
        decoded = self.decoder(
            input_ids=decoder_input_ids,
            attention_mask=decoder_attention_mask,
            encoder_hidden_states=encoded.last_hidden_state,
            encoder_attention_mask=attention_mask,
            inputs_embeds=decoder_inputs_embeds,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **options,
        )
        return Seq2SeqModelOutput(
            last_hidden_state=decoded.last_hidden_state,
            past_key_values=decoded.past_key_values,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=encoded.last_hidden_state,
            encoder_hidden_states=encoded.hidden_states,
            encoder_attentions=encoded.attentions,
        )


class EncoderDecoderHead(PreTrainedModel):
    """What heads on an encoder-decoder ``model`` share."""

    model: EncoderDecoderBody
    body = "model"
    input_embeddings = "model.embed_tokens"

    def get_encoder(self) -> nn.Module:
        return self.model.get_encoder()

    def get_decoder(self) -> nn.Module:
        return self.model.get_decoder()

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        return self.model.shift_right(labels)

    def decoder_inputs(
        self, input_ids: Tensor | None, decoder_input_ids: Tensor | None, decoder_inputs_embeds: Any
    ) -> Tensor | None:
        """Return the decoder's tokens: those given, or else the encoder's, shifted right."""
        if decoder_input_ids is not None or decoder_inputs_embeds is not None:
            return decoder_input_ids
        return self.model.shift_right(_needed(input_ids))


def _needed(input_ids: Tensor | None) -> Tensor:
    """Return the encoder's tokens, which the decoder reads too."""
    if input_ids is None:
        raise InputError("without decoder_input_ids or decoder_inputs_embeds, input_ids are needed")
    return input_ids


def beside_logits(output: Seq2SeqModelOutput) -> dict[str, Any]:
    """Return all of a body's output but the last state, as a head passes it on."""
    return {key: value for key, value in output.items() if key != "last_hidden_state"}


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
        encoder_outputs: Any = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Seq2SeqLMOutput:
        """Predict; with ``labels`` ``(batch, length)`` the decoder reads them shifted right."""
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        if labels is not None and not self.caches_with_labels:
            use_cache = False
        output: Seq2SeqModelOutput = self.model(
            input_ids,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            past_key_values,
            inputs_embeds,
            decoder_inputs_embeds,
            use_cache,
            **options,
        )
        logits = self.score(output["last_hidden_state"], past_key_values)
        loss = None if labels is None else token_loss(logits, labels)
        return Seq2SeqLMOutput(loss=loss, logits=logits, **beside_logits(output))


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
        encoder_outputs: Any = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Seq2SeqSequenceClassifierOutput:
        """Score ``(batch, labels)``; the decoder reads the encoder's tokens, shifted right."""
        if input_ids is None:
            raise InputError(
                f"{type(self).__name__} looks for end-of-sequence tokens and needs input_ids"
            )
        output: Seq2SeqModelOutput = self.model(
            input_ids,
            attention_mask,
            self.decoder_inputs(input_ids, decoder_input_ids, decoder_inputs_embeds),
            decoder_attention_mask,
            encoder_outputs,
            inputs_embeds=inputs_embeds,
            decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=use_cache if labels is None else False,
            **options,
        )
        logits = self.classifier(self._at_last_end(output["last_hidden_state"], input_ids))
        loss = None
        if labels is not None:
            loss = classification_loss(
                logits, labels, self.config.num_labels, self.config.problem_type
            )
        return Seq2SeqSequenceClassifierOutput(loss=loss, logits=logits, **beside_logits(output))

    def _at_last_end(self, states: Tensor, input_ids: Tensor) -> Tensor:
        end = self.config.eos_token_id
        if end is None:
            raise ConfigurationError(
                f"{type(self).__name__} needs eos_token_id in its configuration"
            )
        ends = torch.isin(input_ids, torch.tensor(end, device=input_ids.device))
        counts = ends.sum(dim=1)
        if not bool((counts == counts[0]).all()) or not bool(counts[0] > 0):
            raise InputError(
                "each row of input_ids must hold the same number of end-of-sequence tokens (id "
                f"{self.config.eos_token_id}), and at least one; they hold {counts.tolist()[:20]}"
            )
        return states[ends].view(len(states), -1, states.shape[-1])[:, -1]


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
        encoder_outputs: Any = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Seq2SeqQuestionAnsweringModelOutput:
        """Score ``(batch, length)`` starts and ends.

        The decoder reads the encoder's tokens, shifted right; positions are ``(batch,)``.
        """
        training = start_positions is not None and end_positions is not None
        output: Seq2SeqModelOutput = self.model(
            input_ids,
            attention_mask,
            self.decoder_inputs(input_ids, decoder_input_ids, decoder_inputs_embeds),
            decoder_attention_mask,
            encoder_outputs,
            inputs_embeds=inputs_embeds,
            decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=False if training else use_cache,
            **options,
        )
        start_logits, end_logits = self.qa_outputs(output.last_hidden_state).unbind(dim=-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = span_loss(start_logits, end_logits, start_positions, end_positions)
        return Seq2SeqQuestionAnsweringModelOutput(
            loss=loss,
            start_logits=start_logits.contiguous(),
            end_logits=end_logits.contiguous(),
            **beside_logits(output),
        )
