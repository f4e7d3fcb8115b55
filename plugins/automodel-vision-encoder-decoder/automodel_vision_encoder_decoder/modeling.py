"""An image in, text out: an encoder and a decoder of any architecture."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.families.pair import CompositeModel
from automodel_core.layers import Cache
from automodel_core.modeling import ItemCount, Seq2SeqLMOutput, model_call
from automodel_vision_encoder_decoder.configuration import VisionEncoderDecoderConfig


class VisionEncoderDecoderModel(CompositeModel):
    """An image encoder, and a text decoder that attends to it."""

    config_class = VisionEncoderDecoderConfig
    config: VisionEncoderDecoderConfig
    main_input_name = "pixel_values"
    embeds = "decoder"

    @model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        past_key_values: Cache | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        num_items_in_batch: ItemCount = None,
        **options: Any,
    ) -> Seq2SeqLMOutput:
        """Predict the next tokens of texts about images ``(batch, channels, height, width)``.

        With ``labels`` alone the decoder reads them shifted right. Of other arguments, those that
        begin with ``decoder_`` go to the decoder, the rest (as ``interpolate_pos_encoding``) to
        the encoder.
        """
        if encoder_outputs is None and pixel_values is None:
            raise InputError("give pixel_values, or encoder_outputs")
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        decoder_inputs = {
            "input_ids": decoder_input_ids,
            "attention_mask": decoder_attention_mask,
            "inputs_embeds": decoder_inputs_embeds,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
        }
        images = {"pixel_values": pixel_values}
        return self.run(
            images, decoder_inputs, encoder_outputs, labels, options, num_items_in_batch
        )
