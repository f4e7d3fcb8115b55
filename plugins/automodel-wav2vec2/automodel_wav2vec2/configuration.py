"""The configurations of Wav2Vec2, HuBERT and WavLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from automodel_core.configuration import TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.families.wav2vec2 import WaveformConfig
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability

SPEAKER_LAYERS = {
    "tdnn_dim": [512, 512, 512, 512, 1500],
    "tdnn_kernel": [5, 3, 3, 1, 1],
    "tdnn_dilation": [1, 2, 3, 1, 1],
}


class SpeechConfig(WaveformConfig):
    """What the three architectures share: a stem, layers, and heads."""

    small_model: ClassVar[Mapping[str, Any]] = {
        "apply_spec_augment": False,
        "conv_dim": [8, 8],
        "conv_kernel": [12, 4],
        "conv_stride": [10, 4],
        "mask_time_prob": 0.0,
        "num_conv_pos_embeddings": 4,
        "num_conv_pos_embedding_groups": 2,
    }
    vocab_size: PositiveInt | None = 32
    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    intermediate_size: PositiveInt = 3072
    hidden_act: str = "gelu"
    hidden_dropout: Probability = 0.1
    activation_dropout: Probability = 0.1
    attention_dropout: Probability = 0.1
    final_dropout: Probability = 0.1
    layerdrop: Probability = 0.1
    initializer_range: NonNegativeFloat = 0.02
    do_stable_layer_norm: bool = False
    """Whether layers normalise what enters each part (pre-norm), as the large models do."""
    ctc_loss_reduction: str = "sum"
    ctc_zero_infinity: bool = False
    use_weighted_layer_sum: bool = False
    classifier_proj_size: PositiveInt = 256
    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2

    def validate(self) -> None:
        super().validate()
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        if self.ctc_loss_reduction not in ("sum", "mean", "none"):
            raise ConfigurationError(
                f"{type(self).__name__}: ctc_loss_reduction={self.ctc_loss_reduction!r} is not "
                "'sum', 'mean' or 'none'"
            )


class AdaptableConfig(SpeechConfig):
    """Further keys of Wav2Vec2 and WavLM: speakers, pretraining, and a convolutional adapter."""

    num_codevectors_per_group: PositiveInt = 320
    num_codevector_groups: PositiveInt = 2
    contrastive_logits_temperature: PositiveFloat = 0.1
    num_negatives: PositiveInt = 100
    codevector_dim: PositiveInt = 256
    proj_codevector_dim: PositiveInt = 256
    diversity_loss_weight: NonNegativeFloat = 0.1
    tdnn_dim: list[PositiveInt] = SPEAKER_LAYERS["tdnn_dim"]
    tdnn_kernel: list[PositiveInt] = SPEAKER_LAYERS["tdnn_kernel"]
    tdnn_dilation: list[PositiveInt] = SPEAKER_LAYERS["tdnn_dilation"]
    xvector_output_dim: PositiveInt = 512
    add_adapter: bool = False
    """Whether convolutions behind the layers shorten the sequence of frames."""
    adapter_kernel_size: PositiveInt = 3
    adapter_stride: PositiveInt = 2
    num_adapter_layers: PositiveInt = 3
    output_hidden_size: PositiveInt | None = None

    def validate(self) -> None:
        super().validate()
        self.output_hidden_size = self.output_hidden_size or self.hidden_size
        counts = [len(self.tdnn_dim), len(self.tdnn_kernel), len(self.tdnn_dilation)]
        if len(set(counts)) > 1 or not counts[0]:
            raise ConfigurationError(
                f"{type(self).__name__}: tdnn_dim, tdnn_kernel and tdnn_dilation have {counts} "
                "entries; each layer needs one of each"
            )
        if self.codevector_dim % self.num_codevector_groups:
            raise ConfigurationError(
                f"{type(self).__name__}: codevector_dim={self.codevector_dim} is not a multiple of "
                f"num_codevector_groups={self.num_codevector_groups}"
            )


class Wav2Vec2Config(AdaptableConfig):
    """Wav2Vec 2.0 (https://arxiv.org/abs/2006.11477)."""

    model_type = "wav2vec2"

    feat_quantizer_dropout: Probability = 0.0
    adapter_attn_dim: PositiveInt | None = None
    """The width of a language's adapter in each pre-norm layer, as MMS has."""


class HubertConfig(SpeechConfig):
    """HuBERT (https://arxiv.org/abs/2106.07447)."""

    model_type = "hubert"

    feat_proj_layer_norm: bool = True
    conv_pos_batch_norm: bool = False


class WavLMConfig(AdaptableConfig):
    """WavLM (https://arxiv.org/abs/2110.13900): positions as gated numbers in attention."""

    model_type = "wavlm"

    num_buckets: PositiveInt = 320
    max_bucket_distance: PositiveInt = 800
    ctc_loss_reduction: str = "mean"
    num_ctc_classes: PositiveInt = 80
