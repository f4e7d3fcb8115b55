"""What stands before SpeechT5's encoder and decoder, and behind the decoder: nets for one kind."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.wav2vec2 as family
from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_speecht5.configuration import SpeechT5Config


class ScaledPositions(nn.Module):
    """Sines and cosines in turn, scaled by a learned number (https://arxiv.org/abs/1809.08895)."""

    table: Tensor

    def __init__(self, count: int, size: int, dropout: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(1.0))
        self.dropout = dropout
        # In single precision, as the checkpoints were trained: exact numbers would be others.
        steps = torch.arange(0, size, 2, dtype=torch.float32, device="cpu")
        waves = torch.exp(steps * -(math.log(10_000.0) / size))
        angles = torch.arange(count, dtype=torch.float32, device="cpu")[:, None] * waves
        table = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :size]
        self.register_buffer("table", table, persistent=False)

    def forward(self, states: Tensor, span: layers.PositionSpan) -> Tensor:
        """Return ``(batch, length, size)`` with positions added."""
        placed = states + self.alpha * span.rows_of(self.table).to(states.dtype)
        return F.dropout(placed, self.dropout, self.training)


class TextEncoderPrenet(nn.Module):
    """Tokens to what enters the encoder."""

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__()
        size = config.hidden_size
        self.embed_tokens = layers.embedding(config.vocab_size, size, config.pad_token_id)
        self.encode_positions = ScaledPositions(
            config.max_text_positions, size, config.positional_dropout
        )

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return ``(batch, length, size)`` of ``(batch, length)``, and the mask as it was."""
        embeds = layers.look_up(self.embed_tokens, input_ids)
        span = layers.span_of(None, embeds)
        return self.encode_positions(embeds, span), attention_mask


class SpeechEncoderPrenet(nn.Module):
    """A waveform to what enters the encoder."""

    masked_spec_embed: nn.Parameter | None

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__()
        self.config = config
        self.feature_encoder = family.FeatureEncoder(config)
        self.feature_projection = family.UniformProjection(config)
        self.masked_spec_embed = (
            nn.Parameter(torch.rand(config.hidden_size)) if config.hides_in_training else None
        )
        self.pos_conv_embed = family.WeightNormConvPositions(config)
        self.padding = config.pad_token_id or 0
        self.pos_sinusoidal_embed = layers.PaddedSinusoidalPositions(
            config.max_speech_positions + self.padding + 1, config.hidden_size, self.padding
        )

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None,
        mask_time_indices: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return ``(batch, frames, size)`` of ``(batch, samples)``, and the mask of frames.

        ``mask_time_indices`` ``(batch, frames)`` are frames that are hidden.
        """
        features = self.feature_encoder(input_values)
        heard = self.heard_frames(features.shape[1], attention_mask)
        states, _ = self.feature_projection(features)
        states = family.without_hidden_spans(
            states,
            self.config,
            self.masked_spec_embed,
            mask_time_indices,
            heard,
            training=self.training,
        )
        states = states + self.pos_conv_embed(states)
        span = layers.span_of(None, states)
        ids = None
        if heard is not None:
            ids = torch.full_like(heard, self.padding + 1, dtype=torch.long)
            ids = ids.masked_fill(~heard, self.padding)
        return states + self.pos_sinusoidal_embed(ids, states, span), heard

    def heard_frames(self, frames: int, attention_mask: Tensor | None) -> Tensor | None:
        """Return ``(batch, frames)``, true for frames of samples that count; ``None``: all do."""
        if attention_mask is None:
            return None
        lengths = self.feature_encoder.frames(attention_mask.sum(-1))
        return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(-1)


class TextDecoderPrenet(nn.Module):
    """Tokens to what enters the decoder."""

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__()
        size, padding = config.hidden_size, config.pad_token_id or 0
        scale = math.sqrt(size) if config.scale_embedding else 1.0
        self.embed_tokens = layers.ScaledEmbedding(
            config.vocab_size, size, config.pad_token_id, scale
        )
        self.embed_positions = layers.PaddedSinusoidalPositions(
            config.max_text_positions + padding + 1, size, padding
        )
        self.dropout = config.positional_dropout

    def forward(self, inputs: modeling.TextInputs) -> Tensor:
        embeds = inputs.embedded_by(self.embed_tokens)
        placed = embeds + self.embed_positions(inputs.input_ids, embeds, inputs.span)
        return F.dropout(placed, self.dropout, self.training)


class SpeechDecoderPrenet(nn.Module):
    """Frames of a spectrogram, and a speaker's vector, to what enters the decoder.

    What is dropped is dropped in evaluation too, and is the same in all rows of a batch.
    """

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__()
        units, size = config.speech_decoder_prenet_units, config.hidden_size
        count = config.speech_decoder_prenet_layers
        self.dropout = config.speech_decoder_prenet_dropout
        self.layers = nn.ModuleList(
            layers.linear(units if index else config.num_mel_bins, units) for index in range(count)
        )
        self.final_layer = layers.linear(units, size)
        self.encode_positions = ScaledPositions(
            config.max_speech_positions, size, config.positional_dropout
        )
        self.speaker_embeds_layer = layers.linear(config.speaker_embedding_dim + size, size)

    def forward(self, inputs: modeling.TextInputs, speaker_embeddings: Tensor | None) -> Tensor:
        states = inputs.tokens
        if not states.is_floating_point():
            raise InputError("decoder_input_values are frames (batch, frames, num_mel_bins)")
        states = states.to(self.final_layer.weight.dtype)
        for layer in self.layers:
            states = layers.project(layer, states, F.relu)
            states = self._dropped(states, inputs.span)
        placed: Tensor = self.encode_positions(
            layers.project(self.final_layer, states), inputs.span
        )
        if speaker_embeddings is None:
            return placed
        speaker = F.normalize(speaker_embeddings.to(placed.dtype))[:, None]
        speaker = speaker.expand(placed.shape[0], placed.shape[1], -1)
        joined = torch.cat([placed, speaker], dim=-1)
        return layers.project(self.speaker_embeds_layer, joined, F.relu)

    def _dropped(self, states: Tensor, span: layers.PositionSpan) -> Tensor:
        if not self.dropout:
            return states
        # Drawn for earlier frames too, so that one step draws what a whole pass would.
        kept = states.new_empty(span.end, states.shape[2]).bernoulli_(1 - self.dropout)
        return states * kept[span.past :] / (1 - self.dropout)


class PostnetLayer(nn.Module):
    """A convolution over frames, normalised, and an activation unless it is the last."""

    def __init__(self, config: SpeechT5Config, index: int) -> None:
        super().__init__()
        mels, units = config.num_mel_bins, config.speech_decoder_postnet_units
        kernel = config.speech_decoder_postnet_kernel
        self.is_last = index == config.speech_decoder_postnet_layers - 1
        out = mels if self.is_last else units
        self.conv = family.KaimingConv1d(
            units if index else mels, out, kernel, padding=(kernel - 1) // 2, bias=False
        )
        self.batch_norm = nn.BatchNorm1d(out)
        self.dropout = config.speech_decoder_postnet_dropout

    def forward(self, states: Tensor) -> Tensor:
        states = self.batch_norm(self.conv(states))
        states = states if self.is_last else torch.tanh(states)
        return F.dropout(states, self.dropout, self.training)


class SpeechDecoderPostnet(nn.Module):
    """The decoder's states to frames, and to scores of whether speech ends there."""

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__()
        self.mels = config.num_mel_bins
        size, count = config.hidden_size, config.reduction_factor
        self.feat_out = layers.linear(size, self.mels * count)
        self.prob_out = layers.linear(size, count)
        self.layers = nn.ModuleList(
            PostnetLayer(config, index) for index in range(config.speech_decoder_postnet_layers)
        )

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return frames ``(batch, frames, mels)``, refined ones, and scores ``(batch, frames)``."""
        frames = self.frames(states)
        return frames, self.postnet(frames), layers.project(self.prob_out, states).flatten(1)

    def frames(self, states: Tensor) -> Tensor:
        """Return the frames of states, before they are refined."""
        flat: Tensor = layers.project(self.feat_out, states).unflatten(-1, (-1, self.mels))
        return flat.flatten(1, 2)

    def postnet(self, frames: Tensor) -> Tensor:
        """Return refined frames ``(batch, frames, mels)``."""
        refined: Any = frames.transpose(1, 2)
        for layer in self.layers:
            refined = layer(refined)
        refined_frames: Tensor = frames + refined.transpose(1, 2)
        return refined_frames
