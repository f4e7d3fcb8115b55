"""SpeechT5's heads that speak: texts, or recordings in another voice, to spectrograms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_speecht5.configuration import SpeechT5Config
from automodel_speecht5.losses import IGNORED, guided_attention_loss, spectrogram_loss
from automodel_speecht5.modeling import (
    SpeechT5Decoder,
    SpeechT5Encoder,
    SpeechT5Model,
    SpeechT5PreTrainedModel,
    text_encoder,
)
from automodel_speecht5.nets import SpeechDecoderPostnet, SpeechDecoderPrenet, SpeechEncoderPrenet
from automodel_speecht5.vocoder import SpeechT5HifiGan

if TYPE_CHECKING:
    from typing_extensions import Unpack

Vocoder = Callable[[Tensor], Tensor]
"""What makes waveforms ``(batch, samples)`` of spectrograms ``(batch, frames, mels)``."""


@dataclass
class Seq2SeqSpectrogramOutput(modeling.ModelOutput):
    """A spectrogram ``(batch, frames, mels)``, and what led to it."""

    loss: Tensor | None = None
    spectrogram: Tensor = modeling.FILLED
    past_key_values: layers.Cache | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


@dataclass(frozen=True)
class Spoken:
    """What `speak` makes of each row: frames ``(frames, mels)``, and attention over the input.

    ``cross_attentions`` is ``(batch, layers, heads, steps, places)``, if asked for.
    """

    spectrograms: list[Tensor]
    cross_attentions: Tensor | None

    def result(self, vocoder: Vocoder | None, with_lengths: bool) -> Any:
        """Return it in the form that `generate_speech` promises."""
        lengths = [len(each) for each in self.spectrograms]
        single = len(lengths) == 1 and not with_lengths
        output = nn.utils.rnn.pad_sequence(self.spectrograms, batch_first=True)
        if isinstance(vocoder, SpeechT5HifiGan):
            output = vocoder(output, lengths)
        elif vocoder is not None:
            output = vocoder(output)
        if vocoder is not None:
            samples = output.shape[1] // max(lengths)
            lengths = [samples * each for each in lengths]
        seen = self.cross_attentions
        if single:
            output, seen = output[0], seen if seen is None else seen[0]
        parts = (output, *([lengths] if with_lengths else []), *([] if seen is None else [seen]))
        return parts if len(parts) > 1 else parts[0]


class SpeechT5Speaking(SpeechT5PreTrainedModel):
    """What both heads share: frames that the decoder makes, one step after the other."""

    body = "model"
    model: SpeechT5Model
    speech_decoder_postnet: SpeechDecoderPostnet

    def build(self, encoder: SpeechT5Encoder) -> None:
        """Add the body, with this encoder and a decoder of speech, and what is behind it."""
        decoder = SpeechT5Decoder(self.config, SpeechDecoderPrenet(self.config))
        self.model = SpeechT5Model(self.config, encoder, decoder)
        self.speech_decoder_postnet = SpeechDecoderPostnet(self.config)
        self.post_init()

    def predict(
        self, labels: Tensor | None, stop_labels: Tensor | None, inputs: dict[str, Any]
    ) -> Seq2SeqSpectrogramOutput:
        """Return frames, and the loss if there are labels, which the decoder reads shifted."""
        config, guided = self.config, labels is not None and self.config.use_guided_attention_loss
        if labels is not None and inputs["decoder_input_values"] is None:
            step, mask = config.reduction_factor, inputs["decoder_attention_mask"]
            inputs["decoder_input_values"] = shift_spectrograms_right(labels, step)
            if mask is not None:
                inputs["decoder_attention_mask"] = mask[:, step - 1 :: step]
        inputs["output_attentions"] = inputs["output_attentions"] or guided
        output = self.model(**inputs)
        predicted = self.speech_decoder_postnet(output.last_hidden_state)
        loss = None
        if labels is not None:
            loss = spectrogram_loss(predicted, labels, stop_labels)
            seen = output.cross_attentions if guided else None
            if seen:  # in training all layers may have been left out
                read = self.model.encoder.mask_of(seen[0].shape[-1], inputs["attention_mask"])
                loss = loss + guided_attention_loss(config, seen, read, labels)
        return Seq2SeqSpectrogramOutput.of(output, loss=loss, spectrogram=predicted[1])

    @torch.no_grad()
    def speak(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None,
        speaker_embeddings: Tensor,
        threshold: float = 0.5,
        minlenratio: float = 0.0,
        maxlenratio: float = 20.0,
        output_cross_attentions: bool = False,
    ) -> Spoken:
        """Make frames until, in each row, the scores of an end add up to ``threshold``.

        There are at least ``minlenratio`` and at most ``maxlenratio`` frames for each state of the
        encoder.
        """
        rows = input_values.shape[0]
        if speaker_embeddings.shape[0] not in (1, rows):
            raise InputError(
                f"speaker_embeddings are (1, size) or ({rows}, size), one for each row; got "
                f"{tuple(speaker_embeddings.shape)}"
            )
        encoded = self.model.encoder(input_values, attention_mask)
        step, postnet = self.config.reduction_factor, self.speech_decoder_postnet
        places = encoded.last_hidden_state.shape[1]
        least, most = (int(places * each / step) for each in (minlenratio, maxlenratio))
        cache = layers.Cache(decoding=True)
        frame = encoded.last_hidden_state.new_zeros(rows, 1, self.config.num_mel_bins)
        made: list[Tensor] = []
        seen: list[Tensor] = []
        finished: dict[int, Tensor] = {}
        while len(finished) < rows:
            output = self.model(
                attention_mask=attention_mask,
                decoder_input_values=frame,
                encoder_outputs=encoded,
                past_key_values=cache,
                use_cache=True,
                speaker_embeddings=speaker_embeddings,
                output_attentions=output_cross_attentions,
            )
            states = output.last_hidden_state
            made.append(postnet.frames(states))
            frame = made[-1][:, -1:]
            if output_cross_attentions:
                seen.append(torch.stack(output.cross_attentions or (), dim=1))
            if len(made) < least:
                continue
            ended = layers.project(postnet.prob_out, states).sigmoid().sum(dim=(1, 2)) >= threshold
            if len(made) >= most:
                ended = torch.ones_like(ended)
            new = [row for row in ended.nonzero()[:, 0].tolist() if row not in finished]
            if new:
                refined = postnet.postnet(torch.cat(made, dim=1)[new])
                finished |= dict(zip(new, refined, strict=True))
        attentions = torch.cat(seen, dim=3) if seen else None
        return Spoken([finished[row] for row in range(rows)], attentions)

    @classmethod
    def load_vocoder(
        cls, name: str = "microsoft/speecht5_hifigan", **options: Any
    ) -> SpeechT5HifiGan:
        """Return a vocoder for these spectrograms; options are those of ``from_pretrained``."""
        vocoder: SpeechT5HifiGan = SpeechT5HifiGan.from_pretrained(name, **options)
        return vocoder


class SpeechT5ForTextToSpeech(SpeechT5Speaking):
    """Speech of a text, as a spectrogram; a vocoder makes it heard."""

    main_input_name = "input_ids"
    input_embeddings = "model.encoder.prenet.embed_tokens"

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__(config)
        self.build(text_encoder(config))

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_values: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: modeling.EncoderOutputs = None,
        past_key_values: layers.Cache | None = None,
        use_cache: bool | None = None,
        speaker_embeddings: Tensor | None = None,
        labels: Tensor | None = None,
        stop_labels: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Seq2SeqSpectrogramOutput:
        """Predict frames for texts ``(batch, length)``.

        With ``labels`` ``(batch, frames, mels)`` alone the decoder reads every
        ``reduction_factor``-th of them; what is -100 is padding.
        """
        inputs: dict[str, Any] = {
            "input_values": input_ids,
            "attention_mask": attention_mask,
            "decoder_input_values": decoder_input_values,
            "decoder_attention_mask": decoder_attention_mask,
            "encoder_outputs": encoder_outputs,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
            "speaker_embeddings": speaker_embeddings,
            **options,
        }
        return self.predict(labels, stop_labels, inputs)

    def generate(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        speaker_embeddings: Tensor | None = None,
        threshold: float = 0.5,
        minlenratio: float = 0.0,
        maxlenratio: float = 20.0,
        vocoder: Vocoder | None = None,
        output_cross_attentions: bool = False,
        return_output_lengths: bool = False,
    ) -> Any:
        """Return the speech of texts: see `generate_speech`, whose arguments have another order."""
        return self.generate_speech(
            input_ids,
            speaker_embeddings,
            attention_mask,
            threshold,
            minlenratio,
            maxlenratio,
            vocoder,
            output_cross_attentions,
            return_output_lengths,
        )

    def generate_speech(
        self,
        input_ids: Tensor,
        speaker_embeddings: Tensor | None = None,
        attention_mask: Tensor | None = None,
        threshold: float = 0.5,
        minlenratio: float = 0.0,
        maxlenratio: float = 20.0,
        vocoder: Vocoder | None = None,
        output_cross_attentions: bool = False,
        return_output_lengths: bool = False,
    ) -> Any:
        """Return the speech of texts ``(batch, length)``, in the voice of ``speaker_embeddings``.

        A spectrogram is ``(frames, mels)``, a waveform ``(samples,)``; of several texts, or with
        ``return_output_lengths``, they are padded in a batch. What else is asked for follows in a
        tuple: the lengths, then the attention ``(layers, heads, steps, places)``. The net before
        the decoder drops by chance: ``torch.manual_seed`` makes speech the same again.
        """
        if speaker_embeddings is None:
            raise InputError(
                "speaker_embeddings say whose voice it is: vectors (1, "
                f"{self.config.speaker_embedding_dim}), as of a model for "
                "AutoModelForAudioXVector; zeros are a voice too"
            )
        if attention_mask is None and self.config.pad_token_id is not None:
            attention_mask = torch.ne(input_ids, self.config.pad_token_id).long()
        lengths = threshold, minlenratio, maxlenratio, output_cross_attentions
        spoken = self.speak(input_ids, attention_mask, speaker_embeddings, *lengths)
        return spoken.result(vocoder, return_output_lengths)


class SpeechT5ForSpeechToSpeech(SpeechT5Speaking):
    """What a recording says, in another voice, as a spectrogram."""

    def __init__(self, config: SpeechT5Config) -> None:
        super().__init__(config)
        self.build(SpeechT5Encoder(config, SpeechEncoderPrenet(config)))

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
        labels: Tensor | None = None,
        stop_labels: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Seq2SeqSpectrogramOutput:
        """Predict frames for waveforms ``(batch, samples)``; see `SpeechT5ForTextToSpeech`."""
        inputs: dict[str, Any] = {
            "input_values": input_values,
            "attention_mask": attention_mask,
            "decoder_input_values": decoder_input_values,
            "decoder_attention_mask": decoder_attention_mask,
            "encoder_outputs": encoder_outputs,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
            "speaker_embeddings": speaker_embeddings,
            **options,
        }
        return self.predict(labels, stop_labels, inputs)

    def generate_speech(
        self,
        input_values: Tensor,
        speaker_embeddings: Tensor | None = None,
        attention_mask: Tensor | None = None,
        threshold: float = 0.5,
        minlenratio: float = 0.0,
        maxlenratio: float = 20.0,
        vocoder: Vocoder | None = None,
        output_cross_attentions: bool = False,
        return_output_lengths: bool = False,
    ) -> Any:
        """Return the speech of waveforms ``(batch, samples)``, by default in a voice of zeros.

        Results are those of `SpeechT5ForTextToSpeech.generate_speech`.
        """
        if speaker_embeddings is None:
            speaker_embeddings = input_values.new_zeros(1, self.config.speaker_embedding_dim)
        lengths = threshold, minlenratio, maxlenratio, output_cross_attentions
        spoken = self.speak(input_values, attention_mask, speaker_embeddings, *lengths)
        return spoken.result(vocoder, return_output_lengths)


def shift_spectrograms_right(labels: Tensor, step: int) -> Tensor:
    """Return what the decoder reads to predict ``labels``: silence, and every ``step``-th frame."""
    thinned = labels[:, step - 1 :: step]
    shifted = torch.cat([torch.zeros_like(thinned[:, :1]), thinned[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == IGNORED, 0.0)
