"""The configuration of VITS."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.errors import ConfigurationError
from automodel_core.families.hifigan import GeneratorConfig
from automodel_core.fields import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
)


class VitsConfig(GeneratorConfig):
    """VITS (https://arxiv.org/abs/2106.06103): a text encoder, durations, a flow, a vocoder."""

    model_type = "vits"
    expected_failures: ClassVar = {
        f"{check}-{task}": reason
        for task in ("base", "text-to-waveform")
        for check, reason in (
            ("first_values_are_as_configured", "convolutions are drawn by their sizes"),
            (
                "gradients_reach_every_weight",
                "durations are whole numbers, and recordings are not read",
            ),
        )
    }

    vocab_size: PositiveInt = 38
    hidden_size: PositiveInt = 192
    num_hidden_layers: PositiveInt = 6
    num_attention_heads: PositiveInt = 2
    window_size: NonNegativeInt | None = 4
    """How far apart two tokens may be to have a relative position of their own."""
    use_bias: bool = True
    ffn_dim: PositiveInt = 768
    layerdrop: Probability = 0.1
    ffn_kernel_size: PositiveInt = 3
    flow_size: PositiveInt = 192
    spectrogram_bins: PositiveInt = 513
    hidden_act: str = "relu"
    hidden_dropout: Probability = 0.1
    attention_dropout: Probability = 0.1
    activation_dropout: Probability = 0.1
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: PositiveFloat = 1e-5
    use_stochastic_duration_prediction: bool = True
    num_speakers: PositiveInt = 1
    speaker_embedding_size: NonNegativeInt = 0
    depth_separable_channels: PositiveInt = 2
    depth_separable_num_layers: PositiveInt = 3
    duration_predictor_flow_bins: PositiveInt = 10
    duration_predictor_tail_bound: PositiveFloat = 5.0
    duration_predictor_kernel_size: PositiveInt = 3
    duration_predictor_dropout: Probability = 0.5
    duration_predictor_num_flows: PositiveInt = 4
    duration_predictor_filter_channels: PositiveInt = 256
    prior_encoder_num_flows: PositiveInt = 4
    prior_encoder_num_wavenet_layers: PositiveInt = 4
    posterior_encoder_num_wavenet_layers: PositiveInt = 16
    wavenet_kernel_size: PositiveInt = 5
    wavenet_dilation_rate: PositiveInt = 1
    wavenet_dropout: Probability = 0.0
    speaking_rate: PositiveFloat = 1.0
    noise_scale: NonNegativeFloat = 0.667
    """How much the sound of a text differs between two calls."""
    noise_scale_duration: NonNegativeFloat = 0.8
    """How much the durations of its tokens differ."""
    sampling_rate: PositiveInt = 16000

    def validate(self) -> None:
        super().validate()
        for size, parts, what in (
            ("hidden_size", self.num_attention_heads, "attention heads"),
            ("flow_size", 2, "halves"),
            ("depth_separable_channels", 2, "halves"),
        ):
            if getattr(self, size) % parts:
                raise ConfigurationError(
                    f"VitsConfig: {size}={getattr(self, size)} is not a multiple of {parts} {what}"
                )
        if self.num_speakers > 1 and not self.speaker_embedding_size:
            raise ConfigurationError(
                f"VitsConfig: num_speakers={self.num_speakers} needs a speaker_embedding_size "
                "above 0"
            )
