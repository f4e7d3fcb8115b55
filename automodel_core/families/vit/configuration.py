"""The keys that the family's configurations have in common."""

from __future__ import annotations

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability

__all__ = ["ViTFamilyConfig"]


class ViTFamilyConfig(PreTrainedConfig):
    """Pre-norm layers over patches; sizes are one number, or height and width."""

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

    def validate(self) -> None:
        super().validate()
        name = type(self).__name__
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{name}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        for key, value in (("image_size", self.image_size), ("patch_size", self.patch_size)):
            if isinstance(value, list) and len(value) != 2:
                raise ConfigurationError(
                    f"{name}: {key}={value} cannot be used: expected a number, or height and width"
                )
