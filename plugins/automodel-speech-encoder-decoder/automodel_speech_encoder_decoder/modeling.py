"""Speech in, text out: an encoder and a decoder of any architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.families.pair import CompositeModel
from automodel_core.layers import Cache
from automodel_core.modeling import BaseModelOutput, ItemCount, Seq2SeqLMOutput, model_call
from automodel_speech_encoder_decoder.configuration import SpeechEncoderDecoderConfig


@runtime_checkable
class CountsFrames(Protocol):
    """An encoder that knows which of its states come from samples that count."""

    def heard_frames(self, frames: int, attention_mask: Tensor | None) -> Tensor | None: ...


@runtime_checkable
class HasStem(Protocol):
    """An encoder whose convolutions over the waveform training may leave as they are."""

    def freeze_feature_encoder(self) -> None: ...


class SpeechEncoderDecoderModel(CompositeModel):
    """An encoder of waveforms or spectrograms, and a text decoder that attends to it."""

    config_class = SpeechEncoderDecoderConfig
    config: SpeechEncoderDecoderConfig
    main_input_name = "input_values"
    embeds = "decoder"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.main_input_name = self.encoder.main_input_name  # type: ignore[misc]

    def freeze_feature_encoder(self) -> None:
        """Let training leave the encoder's convolutions over the waveform as they are.

        Raises `InputError` for an encoder that has none.
        """
        if not isinstance(self.encoder, HasStem):
            raise InputError(f"{type(self.encoder).__name__} has no convolutions over a waveform")
        self.encoder.freeze_feature_encoder()

    def seen_by_decoder(
        self, encoded: BaseModelOutput, encoder_inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        mask, frames = encoder_inputs.get("attention_mask"), encoded.last_hidden_state.shape[1]
        if mask is None or not isinstance(self.encoder, CountsFrames):
            return {}
        return {"encoder_attention_mask": self.encoder.heard_frames(frames, mask)}

    def shown_states(self, encoded: BaseModelOutput, context: Tensor) -> Tensor:
        return context

    @model_call
    def forward(
        self,
        inputs: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        past_key_values: Cache | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        input_values: Tensor | None = None,
        input_features: Tensor | None = None,
        num_items_in_batch: ItemCount = None,
        **options: Any,
    ) -> Seq2SeqLMOutput:
        """Predict the next tokens of texts of speech.

        ``inputs``, or ``input_values`` ``(batch, samples)`` or ``input_features`` of the encoder's,
        are what is heard; ``attention_mask`` ``(batch, samples)`` says what counts of it. With
        ``labels`` alone the decoder reads them shifted right. Of other arguments, those that begin
        with ``decoder_`` go to the decoder, the rest to the encoder.
        ``encoder_last_hidden_state`` is what the decoder reads: where sizes differ, projected.
        """
        given = [each for each in (inputs, input_values, input_features) if each is not None]
        if len(given) > 1 or (encoder_outputs is None and not given):
            raise InputError(
                f"give the speech once, as inputs or as {self.main_input_name}, or encoder_outputs"
            )
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        heard = {"attention_mask": attention_mask, self.encoder.main_input_name: None}
        if given:
            heard[self.encoder.main_input_name] = given[0]
        decoder_inputs = {
            "input_ids": decoder_input_ids,
            "attention_mask": decoder_attention_mask,
            "inputs_embeds": decoder_inputs_embeds,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
        }
        return self.run(heard, decoder_inputs, encoder_outputs, labels, options, num_items_in_batch)
