"""SpeechT5: one encoder and one decoder, between nets for speech or text; speech to text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.wav2vec2 as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_speecht5.configuration import SpeechT5Config
from automodel_speecht5.nets import (
    SpeechDecoderPrenet,
    SpeechEncoderPrenet,
    TextDecoderPrenet,
    TextEncoderPrenet,
)
from automodel_speecht5.weights import HEADS, SPEECHT5

if TYPE_CHECKING:
    from typing_extensions import Unpack


class RelativeKeys(nn.Module):
    """A vector for each distance, that queries meet as they meet keys; all layers share them."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.pe_k = layers.embedding(2 * limit, size)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return products ``(batch, heads, queries, keys)``; distances beyond the limit are it."""
        queries, keys = (torch.arange(each.shape[2], device=query.device) for each in (query, key))
        distances = (queries[:, None] - keys).clamp(-self.limit, self.limit - 1) + self.limit
        met = query @ self.pe_k.weight.to(query.device).T
        return met.gather(-1, distances.expand(*met.shape[:3], -1))


class DistanceScores(nn.Module):
    """The scores that one layer's queries get by `RelativeKeys`, which are the encoder's."""

    def __init__(self, keys: RelativeKeys, scale: float) -> None:
        super().__init__()
        self._shared = (keys,)  # a tuple: they are no part of the layer
        self.scale = scale

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        scores: Tensor = self._shared[0](query, key) * self.scale
        return scores


def speecht5_layer(config: SpeechT5Config, positions: RelativeKeys | None) -> Any:
    """Return a layer of the encoder, or without ``positions`` of the decoder."""
    size, is_decoder = config.hidden_size, positions is None
    heads = config.decoder_attention_heads if is_decoder else config.encoder_attention_heads

    def attention(scores: nn.Module | None = None) -> layers.Attention:
        return layers.Attention(
            layers.equal_heads(size, heads),
            dropout=config.attention_dropout,
            position_scores=scores,
        )

    scores = None
    if positions is not None:
        scores = DistanceScores(positions, (size // heads) ** -0.5)
    return layers.TransformerLayer(
        attention(scores),
        layers.FeedForward(
            size,
            config.decoder_ffn_dim if is_decoder else config.encoder_ffn_dim,
            activation=config.hidden_act,
            dropout=config.activation_dropout,
        ),
        partial(layers.layer_norm, size, eps=config.layer_norm_eps),
        norm_first=False,
        cross_attn=attention() if is_decoder else None,
        dropout=config.hidden_dropout,
    )


class SpeechT5Encoder(modeling.CallableModule):
    """The encoder, behind a net for speech or text, or for states that are ready."""

    def __init__(self, config: SpeechT5Config, prenet: nn.Module | None) -> None:
        super().__init__()
        self.config = config
        self.prenet = prenet
        size = config.hidden_size
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.embed_positions = RelativeKeys(
            size // config.encoder_attention_heads, config.encoder_max_relative_position
        )
        self.stack = layers.TransformerStack(
            [speecht5_layer(config, self.embed_positions) for _ in range(config.encoder_layers)],
            layerdrop=config.encoder_layerdrop,
        )

    @modeling.model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Encode waveforms ``(batch, samples)``, tokens ``(batch, length)``, or states."""
        if input_values is None:
            raise InputError("the encoder needs its input: waveforms, tokens, or states")
        if self.prenet is None:
            states, mask = input_values.to(self.norm.weight.dtype), attention_mask
        else:
            states, mask = self.prenet(input_values, attention_mask)
        states = F.dropout(self.norm(states), self.config.hidden_dropout, self.training)
        output = self.stack(
            states, layers.padding_mask(mask, states.dtype), **modeling.wanted_states(options)
        )
        return modeling.BaseModelOutput(**vars(output))

    def mask_of(self, frames: int, attention_mask: Tensor | None) -> Tensor | None:
        """Return which of the encoder's states count, ``(batch, frames)``; ``None``: all do."""
        if isinstance(self.prenet, SpeechEncoderPrenet):
            return self.prenet.heard_frames(frames, attention_mask)
        return attention_mask


@dataclass
class SpeechT5Inputs(modeling.TextInputs):
    """What the decoder reads; ``speaker_embeddings`` are ``(1 or batch, size)``."""

    speaker_embeddings: Tensor | None = None


class SpeechT5Decoder(modeling.TextStack):
    """The decoder, behind a net for speech or text, or for states that are ready."""

    def __init__(
        self, config: SpeechT5Config, prenet: TextDecoderPrenet | SpeechDecoderPrenet | None
    ) -> None:
        super().__init__(config, decoder=True)
        self.prenet = prenet
        self.stack = layers.TransformerStack(
            [speecht5_layer(config, None) for _ in range(config.decoder_layers)],
            layerdrop=config.decoder_layerdrop,
        )

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        if self.prenet is None:
            weights = (weight for weight in self.stack.parameters() if weight.is_floating_point())
            return inputs.tokens.to(next(weights).dtype)
        given: list[Any] = [inputs]
        if isinstance(self.prenet, SpeechDecoderPrenet):
            given.append(inputs.speaker_embeddings if isinstance(inputs, SpeechT5Inputs) else None)
        embedded: Tensor = self.prenet(*given)
        return embedded


class SpeechT5PreTrainedModel(modeling.PreTrainedModel):
    """What all SpeechT5 models share: names of weights, first values, and the nets they have."""

    config_class = SpeechT5Config
    config: SpeechT5Config
    base_model_prefix = "speecht5"
    main_input_name = "input_values"
    optional_weights: ClassVar[tuple[str, ...]] = (
        "encoder.prenet",
        "decoder.prenet",
        "model.encoder.prenet.masked_spec_embed",
    )

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return SPEECHT5.nested("speecht5", "model") | HEADS if cls.body else SPEECHT5

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, SpeechEncoderPrenet) and module.masked_spec_embed is not None:
            module.masked_spec_embed.uniform_()

    def get_encoder(self) -> nn.Module:
        encoder: nn.Module = self.base_model.get_submodule("encoder")
        return encoder

    def get_decoder(self) -> nn.Module:
        decoder: nn.Module = self.base_model.get_submodule("decoder")
        return decoder

    def freeze_feature_encoder(self) -> None:
        """Let training leave the convolutions over the waveform as they are, if there are any."""
        for module in self.modules():
            if isinstance(module, family.FeatureEncoder):
                module.requires_grad_(False)


class SpeechT5Model(SpeechT5PreTrainedModel):
    """The encoder and the decoder, between no nets unless a head gives them."""

    input_embeddings = "encoder.norm"  # what states enter first, unless a net reads tokens

    def __init__(
        self,
        config: SpeechT5Config,
        encoder: SpeechT5Encoder | None = None,
        decoder: SpeechT5Decoder | None = None,
    ) -> None:
        super().__init__(config)
        self.encoder = encoder or SpeechT5Encoder(config, None)
        self.decoder = decoder or SpeechT5Decoder(config, None)
        if isinstance(self.encoder.prenet, TextEncoderPrenet):
            self.input_embeddings = "encoder.prenet.embed_tokens"
        elif isinstance(self.decoder.prenet, TextDecoderPrenet):
            self.input_embeddings = "decoder.prenet.embed_tokens"
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_values: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        past_key_values: layers.Cache | None = None,
        use_cache: bool | None = None,
        speaker_embeddings: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.Seq2SeqModelOutput:
        """Encode, unless ``encoder_outputs`` are given, and decode.

        Without nets both sides read states ``(batch, length, hidden_size)``. With them these are
        tokens ``(batch, length)``, waveforms ``(batch, samples)`` or, for the decoder, frames of a
        spectrogram ``(batch, frames, num_mel_bins)``, spoken by ``speaker_embeddings``.
        """
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_values, attention_mask, **options)
        encoded = modeling.as_encoder_output(encoder_outputs)
        if decoder_input_values is None:
            raise InputError("the decoder needs its input: frames, tokens, or states")
        states = encoded.last_hidden_state
        is_text = not decoder_input_values.is_floating_point()
        inputs = SpeechT5Inputs(
            input_ids=decoder_input_values if is_text else None,
            inputs_embeds=None if is_text else decoder_input_values,
            attention_mask=decoder_attention_mask,
            encoder_hidden_states=states,
            encoder_attention_mask=self.encoder.mask_of(states.shape[1], attention_mask),
            past_key_values=past_key_values,
            use_cache=use_cache,
            speaker_embeddings=speaker_embeddings,
        )
        decoded = self.decoder.read(inputs, **options)
        return modeling.Seq2SeqModelOutput(
            last_hidden_state=decoded.last_hidden_state,
            past_key_values=decoded.past_key_values,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=encoded.last_hidden_state,
            encoder_hidden_states=encoded.hidden_states,
            encoder_attentions=encoded.attentions,
        )


class SpeechT5ForSpeechToText(SpeechT5PreTrainedModel, modeling.GenerativePreTrainedModel):
    """What is said in a recording."""

    body = "model"
    input_embeddings = "model.decoder.prenet.embed_tokens"
    output_embeddings = "lm_head"

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__(config)
        self.model = SpeechT5Model(
            config,
            SpeechT5Encoder(config, SpeechEncoderPrenet(config)),
            SpeechT5Decoder(config, TextDecoderPrenet(config)),
        )
        self.lm_head = layers.linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        config = self.config
        return modeling.shift_right(labels, config.pad_token_id, config.decoder_start_token_id)

    @modeling.model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        past_key_values: layers.Cache | None = None,
        use_cache: bool | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.Seq2SeqLMOutput:
        """Predict tokens of waveforms ``(batch, samples)``.

        With ``labels`` ``(batch, length)`` alone the decoder reads them shifted right.
        """
        if labels is not None and decoder_input_ids is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        output = self.model(
            input_values,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            past_key_values,
            use_cache,
            **options,
        )
        logits = self.score_states(output.last_hidden_state, past_key_values)
        loss = None
        if labels is not None:
            loss = modeling.token_loss(logits, labels, num_items_in_batch)
        return modeling.Seq2SeqLMOutput.of(output, loss=loss, logits=logits)


def text_encoder(config: SpeechT5Config) -> SpeechT5Encoder:
    """Return an encoder of text."""
    return SpeechT5Encoder(config, TextEncoderPrenet(config))
