"""The body of an encoder with a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers.caches.base import Cache
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.outputs.seq2seq import Seq2SeqModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "EncoderDecoderBody",
    "EncoderOutputs",
    "Seq2SeqInputs",
    "Seq2SeqOptions",
    "as_encoder_output",
    "joined_output",
    "shift_right",
]

EncoderOutputs = Mapping[str, Any] | Sequence[Any] | None
"""What an encoder returned: an output, a mapping, or its states and what else it has in a tuple."""


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
    start = labels.new_full((labels.shape[0], 1), start_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


def as_encoder_output(encoder_outputs: EncoderOutputs) -> BaseModelOutput:
    """Return the encoder's output in one form; raise `InputError` if it has no states."""
    if isinstance(encoder_outputs, BaseModelOutput):
        return encoder_outputs
    kept = ("last_hidden_state", "hidden_states", "attentions")
    if isinstance(encoder_outputs, Mapping):
        named = dict(encoder_outputs.items())
    else:
        named = dict(zip(kept, encoder_outputs or (), strict=False))
    if not isinstance(named.get("last_hidden_state"), Tensor):
        raise InputError(
            "encoder_outputs must be the encoder's output: states (batch, length, hidden_size) as "
            "last_hidden_state, or as the first item of a tuple"
        )
    return BaseModelOutput(**{key: named[key] for key in kept if key in named})


def joined_output(encoded: BaseModelOutput, decoded: BaseModelOutput) -> Seq2SeqModelOutput:
    """Return what an encoder and a decoder gave as one output."""
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


@dataclass
class Seq2SeqInputs:
    """The arguments of one forward: ``(batch, length)`` tokens of the encoder and the decoder."""

    input_ids: Tensor | None = None
    attention_mask: Tensor | None = None
    decoder_input_ids: Tensor | None = None
    decoder_attention_mask: Tensor | None = None
    encoder_outputs: EncoderOutputs = None
    past_key_values: Cache | None = None
    inputs_embeds: Tensor | None = None
    decoder_inputs_embeds: Tensor | None = None
    use_cache: bool | None = None


class Seq2SeqOptions(ForwardOptions, total=False):
    """The last of these arguments, which a head passes on as they are."""

    past_key_values: Cache | None
    inputs_embeds: Tensor | None
    decoder_inputs_embeds: Tensor | None
    use_cache: bool | None


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

    def shifted_inputs(self, input_ids: Tensor | None) -> Tensor:
        """Return the encoder's tokens, shifted right, for a decoder that reads them too."""
        if input_ids is None:
            raise InputError(
                "without decoder_input_ids or decoder_inputs_embeds, input_ids are needed"
            )
        return self.shift_right(input_ids)

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: EncoderOutputs = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> Seq2SeqModelOutput:
        """Encode ``(batch, length)``, unless ``encoder_outputs`` are given, and decode."""
        inputs = Seq2SeqInputs(
            input_ids,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            past_key_values,
            inputs_embeds,
            decoder_inputs_embeds,
            use_cache,
        )
        return joined_output(*self.run(inputs, **options))

    def run(
        self, inputs: Seq2SeqInputs, **options: Unpack[ForwardOptions]
    ) -> tuple[BaseModelOutput, Any]:
        """Return the outputs of the encoder and of the decoder."""
        given = inputs.decoder_input_ids is not None, inputs.decoder_inputs_embeds is not None
        if self.decodes_its_input and not any(given):
            inputs.decoder_input_ids = self.shifted_inputs(inputs.input_ids)
        elif sum(given) != 1:
            raise InputError("give either decoder_input_ids or decoder_inputs_embeds")
        encoder_outputs = inputs.encoder_outputs
        if encoder_outputs is None:
            encoder_outputs = self.encoder(
                input_ids=inputs.input_ids,
                attention_mask=inputs.attention_mask,
                inputs_embeds=inputs.inputs_embeds,
                **options,
            )
        encoded = as_encoder_output(encoder_outputs)
        decoded = self.decoder(
            input_ids=inputs.decoder_input_ids,
            attention_mask=inputs.decoder_attention_mask,
            encoder_hidden_states=encoded.last_hidden_state,
            encoder_attention_mask=inputs.attention_mask,
            inputs_embeds=inputs.decoder_inputs_embeds,
            past_key_values=inputs.past_key_values,
            use_cache=inputs.use_cache,
            **options,
        )
        return encoded, decoded
