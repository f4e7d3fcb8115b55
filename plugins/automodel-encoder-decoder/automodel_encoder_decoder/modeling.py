"""Text in, text out: an encoder and a decoder of any architecture."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from automodel_core.families.pair import CompositeModel
from automodel_core.layers import Cache
from automodel_core.modeling import ItemCount, Seq2SeqLMOutput, model_call
from automodel_encoder_decoder.configuration import EncoderDecoderConfig


class EncoderDecoderModel(CompositeModel):
    """A text encoder, and a text decoder that attends to it (https://arxiv.org/abs/1907.12461)."""

    config_class = EncoderDecoderConfig
    config: EncoderDecoderConfig

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
        num_items_in_batch: ItemCount = None,
        **options: Any,
    ) -> Seq2SeqLMOutput:
        """Predict the decoder's next tokens for ``(batch, length)`` tokens on both sides.

        With ``labels`` alone the decoder reads them shifted right, padding hidden. Of other
        arguments, those that begin with ``decoder_`` go to the decoder, the rest to the encoder.
        """
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
            if decoder_attention_mask is None:
                decoder_attention_mask = self.visible(decoder_input_ids)
        return self.run(
            {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                "inputs_embeds": inputs_embeds,
            },
            {
                "input_ids": decoder_input_ids,
                "attention_mask": decoder_attention_mask,
                "inputs_embeds": decoder_inputs_embeds,
                "encoder_attention_mask": attention_mask,
                "past_key_values": past_key_values,
                "use_cache": use_cache,
            },
            encoder_outputs,
            labels,
            options,
            num_items_in_batch,
        )
