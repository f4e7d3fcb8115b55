"""The configurations of SegFormer and GLPN: one encoder, one number a stage."""

from __future__ import annotations

from typing import Any, ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import (
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Probability,
)

OF_STAGES: dict[str, Any] = {
    "depths": [2, 2, 2, 2],
    "sr_ratios": [8, 4, 2, 1],
    "hidden_sizes": [32, 64, 160, 256],
    "patch_sizes": [7, 3, 3, 3],
    "strides": [4, 2, 2, 2],
    "num_attention_heads": [1, 2, 5, 8],
    "mlp_ratios": [4, 4, 4, 4],
}
"""The keys that have a number for each stage, and their defaults."""


class MixTransformerConfig(PreTrainedConfig):
    """SegFormer's encoder, the Mix Transformer (https://arxiv.org/abs/2105.15203)."""

    aliases: ClassVar = {"num_hidden_layers": "num_encoder_blocks"}

    num_channels: PositiveInt = 3
    num_encoder_blocks: PositiveInt = 4
    depths: list[PositiveInt] = OF_STAGES["depths"]
    sr_ratios: list[PositiveInt] = OF_STAGES["sr_ratios"]
    """How many times smaller each edge of the map is that a stage's keys are made from."""
    hidden_sizes: list[PositiveInt] = OF_STAGES["hidden_sizes"]
    patch_sizes: list[PositiveInt] = OF_STAGES["patch_sizes"]
    strides: list[PositiveInt] = OF_STAGES["strides"]
    num_attention_heads: list[PositiveInt] = OF_STAGES["num_attention_heads"]
    mlp_ratios: list[PositiveInt | PositiveFloat] = OF_STAGES["mlp_ratios"]
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    initializer_range: NonNegativeFloat = 0.02
    drop_path_rate: Probability = 0.1
    layer_norm_eps: NonNegativeFloat = 1e-6
    """Kept for readers of the file: the norms of these models use 1e-5."""

    def validate(self) -> None:
        name, stages = type(self).__name__, self.num_encoder_blocks
        for key in OF_STAGES:
            values = vars(self)[key]
            if len(values) != stages:
                raise ConfigurationError(
                    f"{name}: {key}={values} must have one number for each of the "
                    f"num_encoder_blocks={stages} stages"
                )
        for stage, heads in enumerate(self.num_attention_heads):
            if self.hidden_sizes[stage] % heads:
                raise ConfigurationError(
                    f"{name}: hidden_sizes[{stage}]={self.hidden_sizes[stage]} is not a multiple "
                    f"of num_attention_heads[{stage}]={heads}"
                )


class SegformerConfig(MixTransformerConfig):
    """SegFormer: the encoder, and a head that joins the maps of all stages."""

    model_type = "segformer"

    classifier_dropout_prob: Probability = 0.1
    decoder_hidden_size: PositiveInt = 256
    semantic_loss_ignore_index: int = 255
    reshape_last_stage: bool = True
    """Whether the last states are a map too; the first checkpoints have them in a row."""


class GLPNConfig(MixTransformerConfig):
    """GLPN (https://arxiv.org/abs/2201.07436): the encoder, and depths from its maps."""

    model_type = "glpn"

    decoder_hidden_size: PositiveInt = 64
    max_depth: PositiveInt | PositiveFloat = 10
    head_in_index: int = -1
    """The decoder's stage that depths are read from."""

    def validate(self) -> None:
        super().validate()
        stages = self.num_encoder_blocks
        if not -stages <= self.head_in_index < stages:
            raise ConfigurationError(
                f"GLPNConfig: head_in_index={self.head_in_index} is none of the {stages} stages"
            )
