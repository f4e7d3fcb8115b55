"""ProphetNet's decoder: the main stream and the streams that predict, through one stack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_core.layers import layer_norm
from automodel_prophetnet.base import ProphetNetPreTrainedModel
from automodel_prophetnet.configuration import ProphetNetConfig
from automodel_prophetnet.ngram_attention import (
    NgramSelfAttention,
    Streams,
    StreamView,
    relative_buckets,
)
from automodel_prophetnet.outputs import ProphetNetDecoderModelOutput

if TYPE_CHECKING:
    from typing_extensions import Unpack


def decoder_layer(config: ProphetNetConfig) -> layers.TransformerLayer:
    """Return one layer of the decoder, which normalises what leaves each part."""
    size, heads = config.hidden_size, config.num_decoder_attention_heads
    return layers.TransformerLayer(
        NgramSelfAttention(size, heads, config.num_buckets, dropout=config.attention_dropout),
        layers.FeedForward(
            size,
            config.decoder_ffn_dim,
            activation=config.activation_function,
            dropout=config.activation_dropout,
        ),
        partial(layer_norm, size),
        norm_first=False,
        cross_attn=layers.Attention(
            layers.equal_heads(size, heads), dropout=config.attention_dropout
        )
        if config.add_cross_attention
        else None,
        dropout=config.dropout,
    )


class ProphetNetDecoder(ProphetNetPreTrainedModel, modeling.TextBody):
    """The decoder alone: its states, and those of ``ngram`` streams that predict."""

    stack_side = "decoder"
    optional_weights = ("stack.layers.*.cross_attn", "stack.layers.*.cross_attn_norm")
    embed_positions: layers.Embedding

    def __init__(self, config: ProphetNetConfig) -> None:
        super().__init__(config, decoder=True)
        size, pad = config.hidden_size, config.pad_token_id
        self.embed_tokens = layers.embedding(config.vocab_size, size, padding_idx=pad)
        self.embed_positions = layers.embedding(
            config.max_position_embeddings, size, padding_idx=pad
        )
        self.embed_streams = layers.embedding(config.ngram, size)
        self.embed_norm = layer_norm(size)
        self.dropout = nn.Dropout(config.dropout)
        self.stack = layers.TransformerStack(
            layers.repeated(partial(decoder_layer, config), config.num_decoder_layers)
        )
        self.post_init()

    @modeling.model_call
    def forward(  # type: ignore[override]  # as the reference orders them
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: layers.Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> ProphetNetDecoderModelOutput:
        """Run ``(batch, length)`` tokens, or their embeddings, through the layers."""
        inputs = modeling.TextInputs(
            input_ids,
            attention_mask,
            inputs_embeds=inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            past_key_values=past_key_values,
            use_cache=use_cache,
        )
        output = self.run(inputs, **options)
        streams = self._streams(inputs)
        main, predicting = streams.split(streams.unpacked(output.last_hidden_state))
        hidden = [streams.split(streams.unpacked(each)) for each in output.hidden_states or ()]
        weights = [streams.split_weights(each) for each in output.attentions or ()]
        crossed = [streams.joined_weights(each) for each in output.cross_attentions or ()]
        return ProphetNetDecoderModelOutput(
            last_hidden_state=main,
            last_hidden_state_ngram=predicting,
            past_key_values=inputs.past_key_values if inputs.use_cache else None,
            hidden_states=tuple(each for each, _ in hidden) or None,
            hidden_states_ngram=tuple(each for _, each in hidden) or None,
            attentions=tuple(each for each, _ in weights) or None,
            ngram_attentions=tuple(each for _, each in weights) or None,
            cross_attentions=tuple(crossed) or None,
        )

    def _streams(self, inputs: modeling.TextInputs) -> Streams:
        span, cache = inputs.span, inputs.past_key_values
        # What follows the text is read off the first stream alone.
        decoding = span.is_compiled or (cache is not None and cache.decoding)
        steps = decoding and (not span.begins or span.length == 1)
        return Streams(span, 1 if steps else self.config.ngram, steps and span.length == 1)

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        """Return the rows of all streams; those that predict know their position only."""
        config, streams, span = self.config, self._streams(inputs), inputs.span
        embeds = inputs.embedded_by(self.embed_tokens)
        # The main stream begins behind the padding's row, the others look one position further.
        first = config.pad_token_id + 1
        limit = config.decoder_positions
        if span.exceeds(limit):
            raise InputError(
                f"{span.end} positions are more than the {limit} that the decoder has "
                f"(max_position_embeddings={config.max_position_embeddings})"
            )
        here, ahead = (self.embed_positions(span.positions + first + n) for n in (0, 1))
        # The next token's stream has the last embedding.
        kinds = torch.arange(-1, streams.count - 1, device=embeds.device) % config.ngram
        predicting = (self.embed_streams(kinds)[:, None] + ahead).flatten(0, 1)
        rows = [embeds + here, predicting.expand(embeds.shape[0], -1, -1)]
        return streams.packed(self.dropout(self.embed_norm(torch.cat(rows, dim=1))))

    def mask(self, inputs: modeling.TextInputs, states: Tensor) -> StreamView:
        """Return what each row sees and how far away; ``attention_mask`` is ``(batch, keys)``."""
        streams, cache, attention_mask = (
            self._streams(inputs),
            inputs.past_key_values,
            inputs.attention_mask,
        )
        shape = (inputs.tokens.shape[0], streams.span.keys)
        checked = None if layers.in_trace() else attention_mask
        if checked is not None and checked.shape != shape:
            raise InputError(
                f"the decoder's attention_mask has shape {tuple(checked.shape)}, expected "
                f"{shape}: earlier positions in past_key_values count"
            )
        config = self.config
        bucket = partial(
            relative_buckets,
            num_buckets=config.num_buckets,
            max_distance=config.relative_max_distance,
        )
        if cache is None or not cache.decoding or streams.length > 1:
            view = StreamView.of(streams, bucket, states)
        else:
            key = (self, states.dtype)
            if key not in cache.memo:
                longest = Streams(
                    layers.PositionSpan(config.max_position_embeddings, 1, states.device),
                    streams.count,
                )
                cache.memo[key] = StreamView.of(longest, bucket, states)
            view = cache.memo[key].of_last(streams.span.keys)
        return view.padded(layers.padding_mask(attention_mask, states.dtype))
