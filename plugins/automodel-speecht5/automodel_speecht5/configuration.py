"""The configurations of SpeechT5 and of its vocoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from automodel_core.configuration import TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.families.hifigan import GeneratorConfig
from automodel_core.families.wav2vec2 import WaveformConfig
from automodel_core.fields import (
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Probability,
)

RATES = [4, 4, 4, 4]
KERNELS = [8, 8, 8, 8]


class SpeechT5Config(WaveformConfig):
    """SpeechT5 (https://arxiv.org/abs/2110.07205): one transformer, for speech and text each way.

    What is before the encoder and the decoder, and behind it, is another net for each.
    """

    model_type = "speecht5"
    aliases: ClassVar = {
        "num_attention_heads": "encoder_attention_heads",
        "num_hidden_layers": "encoder_layers",
    }
    expected_failures: ClassVar = {
        "masked_inputs_are_not_read-speech-seq2seq": (
            "the convolution of positions reaches into the padding of a sound, as in transformers"
        ),
        **{
            f"each_dropout_drops-{task}": "nets for speech are parts of some heads only"
            for task in ("base", "speech-seq2seq", "text-to-spectrogram")
        },
    }

    vocab_size: PositiveInt = 81
    encoder_layers: PositiveInt = 12
    encoder_attention_heads: PositiveInt = 12
    encoder_ffn_dim: PositiveInt = 3072
    encoder_layerdrop: Probability = 0.1
    decoder_layers: PositiveInt = 6
    decoder_ffn_dim: PositiveInt = 3072
    decoder_attention_heads: PositiveInt = 12
    decoder_layerdrop: Probability = 0.1
    hidden_act: str = "gelu"
    positional_dropout: Probability = 0.1
    hidden_dropout: Probability = 0.1
    attention_dropout: Probability = 0.1
    activation_dropout: Probability = 0.1
    initializer_range: NonNegativeFloat = 0.02
    scale_embedding: bool = False
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2
    decoder_start_token_id: int | None = 2
    num_mel_bins: PositiveInt = 80
    speech_decoder_prenet_layers: PositiveInt = 2
    speech_decoder_prenet_units: PositiveInt = 256
    speech_decoder_prenet_dropout: Probability = 0.5
    """Drops when speech is generated, too: without it the decoder repeats itself."""
    speaker_embedding_dim: PositiveInt = 512
    speech_decoder_postnet_layers: PositiveInt = 5
    speech_decoder_postnet_units: PositiveInt = 256
    speech_decoder_postnet_kernel: PositiveInt = 5
    speech_decoder_postnet_dropout: Probability = 0.5
    reduction_factor: PositiveInt = 2
    """The frames that the decoder makes in one step."""
    max_speech_positions: PositiveInt = 4000
    max_text_positions: PositiveInt = 450
    encoder_max_relative_position: PositiveInt = 160
    use_guided_attention_loss: bool = True
    guided_attention_loss_num_heads: int = 2
    guided_attention_loss_sigma: PositiveFloat = 0.4
    guided_attention_loss_scale: NonNegativeFloat = 10.0
    use_cache: bool = True
    is_encoder_decoder: bool = True
    tie_word_embeddings: bool = True

    def validate(self) -> None:
        super().validate()
        for heads in (self.encoder_attention_heads, self.decoder_attention_heads):
            if self.hidden_size % heads:
                raise ConfigurationError(
                    f"SpeechT5Config: hidden_size={self.hidden_size} is not a multiple of {heads} "
                    "attention heads"
                )


class SpeechT5HifiGanConfig(GeneratorConfig):
    """SpeechT5's vocoder: HiFi-GAN (https://arxiv.org/abs/2010.05646) for log-mel spectrograms."""

    model_type = "hifigan"

    model_in_dim: PositiveInt = 80
    sampling_rate: PositiveInt = 16000
    upsample_rates: list[PositiveInt] = RATES
    upsample_kernel_sizes: list[PositiveInt] = KERNELS
    initializer_range: NonNegativeFloat = 0.01
    normalize_before: bool = True
    """Whether spectrograms are normalised by a mean and a scale that are in the file."""

    @classmethod
    def own_values(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values of a file, in which newer versions of the reference name it anew."""
        own = super().own_values(values)
        newer = own.get("model_type") == "speecht5_hifigan"
        return {**own, "model_type": cls.model_type} if newer else own
