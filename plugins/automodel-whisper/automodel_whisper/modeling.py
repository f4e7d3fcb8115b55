"""Whisper: pre-norm layers over a spectrogram, and a decoder whose keys have no bias."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.fairseq as fairseq
from automodel_core import audio, layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.layers import Cache, layer_norm, linear
from automodel_whisper.configuration import WhisperConfig
from automodel_whisper.transcription.generating import WhisperGenerationMixin

if TYPE_CHECKING:
    from typing_extensions import Unpack

# What the hub calls the convolutions, beside the layers that all of the family have.
_CONVOLUTIONS = {f"encoder.{conv}": f"encoder.embeddings.{conv}" for conv in ("conv1", "conv2")}


def heads_without_key_bias(size: int, num_heads: int, **options: Any) -> layers.Projections:
    """Return an attention's projections; that of keys has no bias."""
    projections = layers.equal_heads(size, num_heads, **options)
    keys = projections.k_proj
    return replace(projections, k_proj=linear(keys.in_features, keys.out_features, bias=False))


class WavePositions(layers.SinusoidalPositions):
    """Sines and cosines whose wavelengths reach from 2 pi to 10000 times that, both included."""

    @staticmethod
    def table(count: int, size: int) -> Tensor:
        steps = torch.arange(size // 2, dtype=torch.float32, device="cpu")
        waves = 10_000 ** (-steps / max(size // 2 - 1, 1))
        angles = torch.arange(count, dtype=torch.float32, device="cpu")[:, None] * waves
        return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, size % 2))


class FrameEmbeddings(nn.Module):
    """Two convolutions over the frames of a spectrogram, the second of which halves them."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        size = config.d_model
        self.conv1 = nn.Conv1d(config.num_mel_bins, size, 3, padding=1)
        self.conv2 = nn.Conv1d(size, size, 3, stride=2, padding=1)
        self.embed_positions = WavePositions(config.max_source_positions, size)
        self.dropout = config.dropout

    def forward(self, input_features: Tensor) -> Tensor:
        states = F.gelu(self.conv1(input_features.to(self.conv1.weight.dtype)))
        states = F.gelu(self.conv2(states)).transpose(1, 2)
        return F.dropout(states + self.embed_positions.weight, self.dropout, self.training)


class WhisperEncoder(modeling.CallableModule):
    """The encoder; it reads 30 seconds, silence where the recording is shorter."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.config = config
        layer = partial(
            fairseq.text_layer,
            config,
            decoder=False,
            norm_first=True,
            heads=heads_without_key_bias,
        )
        self.embeddings = FrameEmbeddings(config)
        self.stack = layers.TransformerStack(
            layers.repeated(layer, config.encoder_layers),
            layer_norm(config.d_model),
            layerdrop=config.encoder_layerdrop,
        )

    @modeling.model_call
    def forward(
        self,
        input_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Encode spectrograms ``(batch, mels, frames)``; a mask has no effect.

        Raises `InputError` for another number of mels or frames than the configuration's.
        """
        expected = self.config.num_mel_bins, self.config.max_source_frames
        if input_features is None or input_features.shape[1:] != expected:
            found = None if input_features is None else tuple(input_features.shape)
            raise InputError(
                f"input_features must be (batch, {expected[0]} mels, {expected[1]} frames), not "
                f"{found}: the feature extractor pads recordings, and generate() reads longer ones"
            )
        output = self.stack(self.embeddings(input_features), **modeling.wanted_states(options))
        return modeling.BaseModelOutput(**vars(output))


class WhisperDecoder(fairseq.FairseqStack):
    """The decoder, whose tokens may have positions of their own."""

    reads_packed = True

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        if inputs.position_ids is None:
            return super().embed(inputs)
        table: Any = self.embeddings.embed_positions.weight
        positions = F.embedding(inputs.position_ids, table)
        embeds = inputs.embedded_by(self.embeddings.embed_tokens) + positions
        return F.dropout(embeds, self.embeddings.dropout, self.training)


class WhisperPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all Whisper models share."""

    config_class = WhisperConfig
    config: WhisperConfig
    norm_first = True
    main_input_name = "input_features"

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        # The key scale_embedding is in files, and has no effect in the reference either.
        return fairseq.SummedEmbeddings(
            layers.embedding(config.vocab_size, config.d_model, config.pad_token_id),
            layers.LearnedPositions(config.max_target_positions, config.d_model),
            dropout=config.dropout,
        )

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> Any:
        if not decoder:
            return WhisperEncoder(config)
        layer = partial(
            fairseq.text_layer, config, decoder=True, norm_first=True, heads=heads_without_key_bias
        )
        embeddings = cls.make_embeddings(config, decoder=True)
        return WhisperDecoder(config, embeddings, layer, layer_norm(config.d_model), decoder=True)

    @classmethod
    def shares_embeddings(cls, config: Any) -> bool:
        return False

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        names = fairseq.stack_names(*cls.stacks)
        if "encoder" in cls.stacks:
            names |= WeightNames(_CONVOLUTIONS)
        names = names.nested(hub="model", module=cls.body) if cls.body else names
        return names | WeightNames({"proj_out": "lm_head"})


class WhisperModel(WhisperPreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head."""

    input_embeddings = "decoder.embeddings.embed_tokens"

    def freeze_encoder(self) -> None:
        """Leave the encoder as it is in training."""
        self.encoder.requires_grad_(False)

    def hidden(self, features: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Return features ``(batch, mels, frames)``, in training without some that are drawn."""
        config, (rows, mels, frames) = self.config, features.shape
        if not self.training or not config.apply_spec_augment:
            return features
        if config.mask_time_prob > 0:
            lengths = None if attention_mask is None else attention_mask.long().sum(-1).tolist()
            times = audio.span_mask(
                rows,
                frames,
                config.mask_time_prob,
                config.mask_time_length,
                lengths=lengths,
                least=config.mask_time_min_masks,
            )
            features = features.masked_fill(times[:, None].to(features.device), 0.0)
        if config.mask_feature_prob > 0:
            bands = audio.span_mask(
                rows,
                mels,
                config.mask_feature_prob,
                config.mask_feature_length,
                least=config.mask_feature_min_masks,
            )
            features = features.masked_fill(bands[..., None].to(features.device), 0.0)
        return features

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        past_key_values: Cache | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        decoder_position_ids: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.Seq2SeqModelOutput:
        """Encode spectrograms ``(batch, mels, frames)``, and decode ``(batch, length)`` tokens.

        ``attention_mask`` ``(batch, frames)`` says which frames may be hidden in training.
        """
        if encoder_outputs is None:
            if input_features is not None:
                input_features = self.hidden(input_features, attention_mask)
            encoder_outputs = self.encoder(input_features, **options)
        encoded = modeling.as_encoder_output(encoder_outputs)
        decoded = self.decoder(
            input_ids=decoder_input_ids,
            attention_mask=decoder_attention_mask,
            position_ids=decoder_position_ids,
            inputs_embeds=decoder_inputs_embeds,
            encoder_hidden_states=encoded.last_hidden_state,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **options,
        )
        return modeling.joined_output(encoded, decoded)


class WhisperForConditionalGeneration(
    WhisperPreTrainedModel, WhisperGenerationMixin, fairseq.FairseqForConditionalGeneration
):
    """Whisper with an output layer: it transcribes and translates speech."""

    model_class = WhisperModel
    input_embeddings = "model.decoder.embeddings.embed_tokens"

    def freeze_encoder(self) -> None:
        """Leave the encoder as it is in training."""
        self.model.encoder.requires_grad_(False)

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        past_key_values: Cache | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        decoder_position_ids: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.Seq2SeqLMOutput:
        """Predict tokens of speech; with ``labels`` alone the decoder reads them shifted right.

        ``logits_to_keep`` last positions are scored, or those it lists; 0 stands for all.
        """
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        output = self.model(
            input_features,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_outputs,
            past_key_values,
            decoder_inputs_embeds,
            decoder_position_ids,
            use_cache,
            **options,
        )
        states = modeling.states_to_score(output.last_hidden_state, logits_to_keep)
        logits = self.score_states(states, past_key_values)
        loss = None
        if labels is not None:
            loss = modeling.token_loss(logits, labels, num_items_in_batch)
        return modeling.Seq2SeqLMOutput.of(output, loss=loss, logits=logits)


class WhisperDecoderModel(WhisperPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head."""

    main_input_name = "input_ids"


class WhisperForCausalLM(WhisperPreTrainedModel, fairseq.FairseqForCausalLM):
    """Whisper's decoder alone, which drafts for a whole model and reads that one's encoder."""

    model_class = WhisperDecoderModel
    main_input_name = "input_ids"

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_outputs: Tensor | modeling.EncoderOutputs = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.CausalLMOutput:
        """Score ``(batch, length)`` tokens; ``labels`` belong to the same positions.

        ``encoder_outputs`` are an encoder's output, or its states ``(batch, frames, size)``.
        """
        states = encoder_outputs
        if states is not None and not isinstance(states, Tensor):
            states = modeling.as_encoder_output(states).last_hidden_state
        if states is not None:
            states = states.to(self.dtype)  # an assistant may be of another precision
        return super().forward(
            input_ids,
            attention_mask,
            encoder_hidden_states=states,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            labels=labels,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep,
            num_items_in_batch=num_items_in_batch,
            **options,
        )


class WhisperForAudioClassification(WhisperPreTrainedModel):
    """Whisper's encoder, whose states' mean is classified."""

    stacks = ("encoder",)
    input_embeddings = "encoder.embeddings.conv1"
    optional_weights = ("layer_weights", "projector", "classifier")

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.encoder = self.make_stack(config, decoder=False)
        if config.use_weighted_layer_sum:
            count = config.encoder_layers + 1
            self.layer_weights = nn.Parameter(torch.full((count,), 1 / count))
        self.projector = linear(config.d_model, config.classifier_proj_size)
        self.classifier = linear(config.classifier_proj_size, config.num_labels)
        self.post_init()

    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if module is self and self.config.use_weighted_layer_sum:
            nn.init.constant_(self.layer_weights, 1 / len(self.layer_weights))

    def get_encoder(self) -> nn.Module:
        encoder: nn.Module = self.encoder
        return encoder

    def freeze_encoder(self) -> None:
        """Leave the encoder as it is in training; the projection and the head are trained."""
        self.encoder.requires_grad_(False)

    @modeling.model_call
    def forward(
        self,
        input_features: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        labels: Tensor | None = None,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.SequenceClassifierOutput:
        """Score spectrograms ``(batch, mels, frames)``; ``labels`` are ``(batch,)``."""
        weighted, shown = self.config.use_weighted_layer_sum, options.get("output_hidden_states")
        if encoder_outputs is None:
            options["output_hidden_states"] = weighted or shown
            encoder_outputs = self.encoder(input_features, **options)
        encoded = modeling.as_encoder_output(encoder_outputs)
        states = encoded.last_hidden_state
        if weighted:
            every = torch.stack(encoded.hidden_states or (), dim=1)
            states = (every * self.layer_weights.softmax(-1).view(-1, 1, 1)).sum(dim=1)
        logits, loss = self.classifier(self.projector(states).mean(dim=1)), None
        if labels is not None:
            kind = self.config.num_labels, self.config.problem_type
            loss = modeling.classification_loss(logits, labels, *kind, num_items_in_batch)
        return modeling.SequenceClassifierOutput.of(encoded, loss=loss, logits=logits)
