"""The keys that the family's configurations have in common."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability

__all__ = ["SwinFamilyConfig"]

DEPTHS = [2, 2, 6, 2]
HEADS = [3, 6, 12, 24]


class SwinFamilyConfig(PreTrainedConfig):
    """Stages of layers; lists have a number for each, sizes are one number, or height and width."""

    aliases: ClassVar = {"num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"}
    small_model: ClassVar = {"image_size": 32, "depths": [1, 2], "num_heads": [2, 4]}

    image_size: PositiveInt | list[PositiveInt] = 224
    patch_size: PositiveInt | list[PositiveInt] = 4
    num_channels: PositiveInt = 3
    embed_dim: PositiveInt = 96
    depths: list[PositiveInt] = DEPTHS
    num_heads: list[PositiveInt] = HEADS
    window_size: PositiveInt = 7
    mlp_ratio: PositiveFloat = 4.0
    qkv_bias: bool = True
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    drop_path_rate: Probability = 0.1
    hidden_act: str = "gelu"
    use_absolute_embeddings: bool = False
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-5
    num_layers: int | None = None
    """How many stages there are, which ``depths`` says."""
    hidden_size: int | None = None
    """The size after the last stage, which ``embed_dim`` and ``depths`` say."""

    def stage_size(self, stage: int) -> int:
        """Return how many numbers a patch has in a stage."""
        return int(self.embed_dim * 2**stage)

    def validate(self) -> None:
        name = type(self).__name__
        if not self.depths or len(self.num_heads) != len(self.depths):
            raise ConfigurationError(
                f"{name}: depths={self.depths} and num_heads={self.num_heads} must have one number "
                "for each stage"
            )
        self.num_layers = len(self.depths)
        self.hidden_size = self.stage_size(len(self.depths) - 1)
        for stage, heads in enumerate(self.num_heads):
            if self.stage_size(stage) % heads:
                raise ConfigurationError(
                    f"{name}: the size {self.stage_size(stage)} of stage {stage} is not a multiple "
                    f"of num_heads[{stage}]={heads}"
                )
        for key in ("image_size", "patch_size"):
            value = getattr(self, key)
            if isinstance(value, list) and len(value) != 2:
                raise ConfigurationError(
                    f"{name}: {key}={value}: expected a number, or height and width"
                )
        super().validate()
