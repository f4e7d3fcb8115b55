"""The configurations of ViT and DeiT."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability


class ViTConfig(PreTrainedConfig):
    """ViT (https://arxiv.org/abs/2010.11929): sizes are one number, or height and width."""

    model_type = "vit"
    leading_tokens: ClassVar[tuple[str, ...]] = ("cls_token",)
    """The learned vectors that stand before the patches."""

    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    intermediate_size: PositiveInt = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-12
    image_size: PositiveInt | list[PositiveInt] = 224
    patch_size: PositiveInt | list[PositiveInt] = 16
    num_channels: PositiveInt = 3
    qkv_bias: bool = True
    encoder_stride: PositiveInt = 16
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"

    def validate(self) -> None:
        self.pooler_output_size = self.pooler_output_size or self.hidden_size
        name = type(self).__name__
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{name}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        for key in ("image_size", "patch_size"):
            value = getattr(self, key)
            if isinstance(value, list) and len(value) != 2:
                raise ConfigurationError(
                    f"{name}: {key}={value} cannot be used: expected a number, or height and width"
                )


class DeiTConfig(ViTConfig):
    """DeiT (https://arxiv.org/abs/2012.12877): a ViT with a second token, for distillation."""

    model_type = "deit"
    leading_tokens = ("cls_token", "distillation_token")
