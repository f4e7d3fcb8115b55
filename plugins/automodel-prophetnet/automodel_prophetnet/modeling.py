"""ProphetNet: a post-norm encoder, and a decoder that predicts several tokens at once."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.layers import layer_norm
from automodel_prophetnet.base import ProphetNetPreTrainedModel
from automodel_prophetnet.configuration import ProphetNetConfig
from automodel_prophetnet.decoder import ProphetNetDecoder
from automodel_prophetnet.outputs import (
    ProphetNetDecoderLMOutput,
    ProphetNetDecoderModelOutput,
    ProphetNetSeq2SeqLMOutput,
    ProphetNetSeq2SeqModelOutput,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


def encoder_layer(config: ProphetNetConfig) -> layers.TransformerLayer:
    """Return one layer of the encoder, which normalises what leaves each part."""
    size, heads = config.hidden_size, config.num_encoder_attention_heads
    return layers.TransformerLayer(
        layers.Attention(layers.equal_heads(size, heads), dropout=config.attention_dropout),
        layers.FeedForward(
            size,
            config.encoder_ffn_dim,
            activation=config.activation_function,
            dropout=config.activation_dropout,
        ),
        partial(layer_norm, size),
        norm_first=False,
        dropout=config.dropout,
    )


class ProphetNetEncoder(ProphetNetPreTrainedModel, modeling.TextBody):
    """The encoder alone."""

    stack_side = "encoder"
    embed_positions: layers.Embedding

    def __init__(self, config: ProphetNetConfig) -> None:
        super().__init__(config, decoder=False)
        size, pad = config.hidden_size, config.pad_token_id
        self.embed_tokens = layers.embedding(config.vocab_size, size, padding_idx=pad)
        self.embed_positions = layers.embedding(
            config.max_position_embeddings, size, padding_idx=pad
        )
        self.embed_norm = layer_norm(size)
        self.dropout = nn.Dropout(config.dropout)
        self.stack = layers.TransformerStack(
            layers.repeated(partial(encoder_layer, config), config.num_encoder_layers)
        )
        self.post_init()

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        """Add positions, of which the last serves all beyond it, and normalise."""
        embeds = inputs.embedded_by(self.embed_tokens)
        positions = inputs.span.positions + self.config.pad_token_id + 1
        positions = positions.clamp(max=self.config.max_position_embeddings - 1)
        embedded: Tensor = self.dropout(self.embed_norm(embeds + self.embed_positions(positions)))
        return embedded


class ProphetNetBody(ProphetNetPreTrainedModel):
    """One set of token embeddings for the stacks that ``sides`` names."""

    def __init__(self, config: ProphetNetConfig) -> None:
        super().__init__(config)
        size, pad = config.hidden_size, config.pad_token_id
        self.embed_tokens = layers.embedding(config.vocab_size, size, padding_idx=pad)
        if "encoder" in self.sides:
            self.encoder = ProphetNetEncoder(config)
        self.decoder = ProphetNetDecoder(config)
        self.post_init()

    def embedding_ties(self) -> dict[str, str]:
        return {f"{side}.embed_tokens.weight": "embed_tokens.weight" for side in self.sides}

    def get_decoder(self) -> ProphetNetDecoder:
        return self.decoder


class ProphetNetDecoderBody(ProphetNetBody):
    """The decoder as the body of a language model."""

    sides: ClassVar[tuple[str, ...]] = ("decoder",)
    optional_weights = (
        "decoder.stack.layers.*.cross_attn",
        "decoder.stack.layers.*.cross_attn_norm",
    )

    def forward(self, *inputs: Any, **options: Any) -> ProphetNetDecoderModelOutput:
        """Do what the decoder does."""
        return self.decoder(*inputs, **options)


class ProphetNetModel(ProphetNetBody, modeling.EncoderDecoderBody):
    """The encoder-decoder without a head."""

    encoder: ProphetNetEncoder
    decoder: ProphetNetDecoder

    @modeling.model_call
    def forward(  # type: ignore[override]  # with the predicting streams in its output
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        past_key_values: layers.Cache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> ProphetNetSeq2SeqModelOutput:
        """Encode ``(batch, length)``, unless ``encoder_outputs`` are given, and decode."""
        inputs = modeling.Seq2SeqInputs(
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
        encoded, decoded = self.run(inputs, **options)
        return ProphetNetSeq2SeqModelOutput(
            decoded.last_hidden_state,
            decoded.last_hidden_state_ngram,
            decoded.past_key_values,
            decoded.hidden_states,
            decoded.hidden_states_ngram,
            decoded.attentions,
            decoded.ngram_attentions,
            decoded.cross_attentions,
            encoded.last_hidden_state,
            encoded.hidden_states,
            encoded.attentions,
        )


class ProphetNetHead(ProphetNetPreTrainedModel, modeling.GenerativePreTrainedModel):
    """Scores over the vocabulary from each predicting stream."""

    body = "model"
    input_embeddings = "model.embed_tokens"
    output_embeddings = "lm_head"
    body_class: ClassVar[type[ProphetNetBody]]
    model: ProphetNetBody

    def __init__(self, config: ProphetNetConfig) -> None:
        super().__init__(config)
        self.model = self.body_class(config)
        self.lm_head = layers.linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_decoder(self) -> ProphetNetDecoder:
        return self.model.get_decoder()

    def predict(
        self,
        output: ProphetNetDecoderModelOutput | ProphetNetSeq2SeqModelOutput,
        labels: Tensor | None,
        cache: layers.Cache | None,
        logits_to_keep: int = 0,
        num_items_in_batch: modeling.ItemCount = None,
    ) -> dict[str, Any]:
        """Return the loss, and scores: the next token's, and those of the other streams."""
        states = output.last_hidden_state_ngram
        length = output.last_hidden_state.shape[1]
        count, kept = states.shape[1] // length, min(logits_to_keep, length) or length
        states = states.unflatten(1, (count, length))[:, :, -kept:].flatten(1, 2)
        scores = self.score_states(states, cache).unflatten(1, (count, kept))
        loss = None
        if labels is not None:
            trained = scores[:, :1] if self.config.disable_ngram_loss else scores
            loss = stream_loss(trained, labels, self.config.eps, num_items_in_batch)
        others = scores[:, 1:] if count > 1 else None
        return {"loss": loss, "logits": scores[:, 0], "logits_ngram": others}


class ProphetNetForConditionalGeneration(ProphetNetHead):
    """Text in, text out."""

    body_class = ProphetNetModel
    model: ProphetNetModel

    def get_encoder(self) -> nn.Module:
        return self.model.get_encoder()

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        return self.model.shift_right(labels)

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        *,
        labels: Tensor | None = None,
        num_items_in_batch: modeling.ItemCount = None,
        **inputs: Unpack[modeling.Seq2SeqOptions],
    ) -> ProphetNetSeq2SeqLMOutput:
        """Predict; with ``labels`` ``(batch, length)`` the decoder reads them shifted right."""
        given = decoder_input_ids is not None or inputs.get("decoder_inputs_embeds") is not None
        if labels is not None and not given:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        read = (input_ids, attention_mask, decoder_input_ids, decoder_attention_mask)
        output = self.model(*read, encoder_outputs, **inputs)
        cache = inputs.get("past_key_values")
        predicted = self.predict(output, labels, cache, num_items_in_batch=num_items_in_batch)
        return ProphetNetSeq2SeqLMOutput.of(output, **predicted)


class ProphetNetForCausalLM(ProphetNetHead):
    """The decoder alone, which continues text, and may attend to states of another encoder."""

    body_class = ProphetNetDecoderBody
    sides: ClassVar[tuple[str, ...]] = ProphetNetDecoderBody.sides

    def __init__(self, config: ProphetNetConfig) -> None:
        config = copy.deepcopy(config)
        config.is_decoder, config.is_encoder_decoder = True, False
        super().__init__(config)

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: layers.Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> ProphetNetDecoderLMOutput:
        """Score the last ``logits_to_keep`` positions, for 0 all.

        ``labels`` ``(batch, length)`` are the tokens that follow those read: nothing is shifted.
        """
        output: ProphetNetDecoderModelOutput = self.model(
            input_ids,
            attention_mask,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            inputs_embeds,
            use_cache,
            **options,
        )
        predicted = self.predict(
            output, labels, past_key_values, logits_to_keep, num_items_in_batch
        )
        return ProphetNetDecoderLMOutput.of(output, **predicted)


def stream_loss(
    scores: Tensor, labels: Tensor, smoothing: float, num_items_in_batch: modeling.ItemCount = None
) -> Tensor:
    """Return the mean loss of ``(batch, streams, length, vocabulary)``.

    Every stream predicts the same ``labels`` ``(batch, length)``, each from less of the text.
    """
    targets = labels.to(scores.device)[:, None].expand(scores.shape[:-1])
    smoothed = partial(F.cross_entropy, label_smoothing=smoothing)
    scores, streams = scores.flatten(0, 2).float(), scores.shape[1]
    counted = None if num_items_in_batch is None else num_items_in_batch * streams
    return modeling.batch_mean(smoothed, scores, targets.flatten(), counted)
