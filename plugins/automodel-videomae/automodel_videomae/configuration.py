"""The configuration of VideoMAE."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability

Size = PositiveInt
"""Of a vector; frames, layers and heads are counted."""


class VideoMAEConfig(PreTrainedConfig):
    """VideoMAE (https://arxiv.org/abs/2203.12602): sizes are one number, or height and width."""

    model_type = "videomae"
    aliases: ClassVar = {"qv_bias": "qkv_bias"}  # keys never have one

    image_size: PositiveInt | list[PositiveInt] = 224
    patch_size: PositiveInt | list[PositiveInt] = 16
    num_channels: PositiveInt = 3
    num_frames: PositiveInt = 16
    tubelet_size: PositiveInt = 2
    hidden_size: Size = 768
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    intermediate_size: Size = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-12
    qkv_bias: bool = True
    use_mean_pooling: bool = True
    decoder_num_attention_heads: PositiveInt = 6
    decoder_hidden_size: Size = 384
    decoder_num_hidden_layers: PositiveInt = 4
    decoder_intermediate_size: Size = 1536
    norm_pix_loss: bool = True

    def validate(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"VideoMAEConfig: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        for key in ("image_size", "patch_size"):
            value = vars(self)[key]
            if isinstance(value, list) and len(value) != 2:
                raise ConfigurationError(
                    f"VideoMAEConfig: {key}={value}: expected a number, or height and width"
                )
        if self.num_frames < self.tubelet_size:
            raise ConfigurationError(
                f"VideoMAEConfig: num_frames={self.num_frames} make no tubelet of "
                f"tubelet_size={self.tubelet_size}"
            )
