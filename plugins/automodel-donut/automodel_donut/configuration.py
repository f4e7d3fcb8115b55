"""The configuration of Donut's encoder."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability

DEPTHS = [2, 2, 6, 2]
HEADS = [3, 6, 12, 24]


class DonutSwinConfig(PreTrainedConfig):
    """The Swin encoder of Donut (https://arxiv.org/abs/2111.15664), one number a stage."""

    model_type = "donut-swin"
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

    def validate(self) -> None:
        if not self.depths or len(self.num_heads) != len(self.depths):
            raise ConfigurationError(
                f"DonutSwinConfig: depths={self.depths} and num_heads={self.num_heads} must have "
                "one number for each stage"
            )
        self.num_layers = len(self.depths)
        self.hidden_size = self.embed_dim * 2 ** (len(self.depths) - 1)
        for stage, heads in enumerate(self.num_heads):
            if self.embed_dim * 2**stage % heads:
                raise ConfigurationError(
                    f"DonutSwinConfig: the size {self.embed_dim * 2**stage} of stage {stage} is "
                    f"not a multiple of num_heads[{stage}]={heads}"
                )
        for key in ("image_size", "patch_size"):
            value = getattr(self, key)
            if isinstance(value, list) and len(value) != 2:
                raise ConfigurationError(
                    f"DonutSwinConfig: {key}={value}: expected a number, or height and width"
                )
        if self.use_absolute_embeddings:
            raise ConfigurationError(
                "DonutSwinConfig: use_absolute_embeddings=True cannot be used: no checkpoint has "
                "such embeddings, and the reference one more of them than there are patches"
            )

    @property
    def prompts_start_themselves(self) -> bool:
        """Donut's prompts are tokens that name its task, and nothing stands before them."""
        return True
