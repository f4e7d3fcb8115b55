"""The configurations of DPT and of BiT, the backbone of its hybrid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from automodel_core.configuration import (
    AnyConfig,
    BackboneConfigMixin,
    OutFeatures,
    OutIndices,
    WithBackboneConfig,
)
from automodel_core.errors import ConfigurationError
from automodel_core.fields import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
)

BIT_SIZES, BIT_DEPTHS = [256, 512, 1024, 2048], [3, 4, 6, 3]


class BitConfig(BackboneConfigMixin):
    """BiT (https://arxiv.org/abs/1912.11370): a ResNet with group norms and standardised weights.

    ``global_padding`` is ``SAME``, ``VALID``, or ``None`` for the same on each side. There are as
    many stages as ``depths``; further ``hidden_sizes`` are not used.
    """

    model_type = "bit"

    num_channels: PositiveInt = 3
    embedding_size: PositiveInt = 64
    hidden_sizes: list[PositiveInt] = BIT_SIZES
    depths: list[PositiveInt] = BIT_DEPTHS
    layer_type: Literal["preactivation", "bottleneck"] = "preactivation"
    hidden_act: str = "relu"
    global_padding: str | None = None
    num_groups: PositiveInt = 32
    drop_path_rate: Probability = 0.0
    embedding_dynamic_padding: bool = False
    output_stride: PositiveInt = 32
    width_factor: PositiveInt = 1
    out_features: OutFeatures = None
    out_indices: OutIndices = None

    @property
    def stage_count(self) -> int:
        return len(self.depths)

    def validate(self) -> None:
        super().validate()
        if self.global_padding is not None:
            self.global_padding = self.global_padding.upper()
        if self.global_padding not in (None, "SAME", "VALID"):
            raise ConfigurationError(
                f"BitConfig: global_padding={self.global_padding!r} is none of SAME, VALID and None"
            )
        if len(self.hidden_sizes) < len(self.depths):
            raise ConfigurationError(
                f"BitConfig: {len(self.hidden_sizes)} hidden_sizes for {len(self.depths)} depths; "
                "give one for each stage"
            )


HYBRID_BACKBONE = {
    "model_type": "bit",
    "global_padding": "same",
    "layer_type": "bottleneck",
    "depths": [3, 4, 9],
    "out_features": ["stage1", "stage2", "stage3"],
    "embedding_dynamic_padding": True,
}
OUT_INDICES, SHAPE = [2, 5, 8, 11], [1, 1024, 24, 24]
FACTORS: list[float] = [4, 2, 1, 0.5]
NECK_SIZES = [96, 192, 384, 768]


class DPTConfig(WithBackboneConfig):
    """DPT (https://arxiv.org/abs/2103.13413): layers of ViT, or a backbone, under a neck of maps.

    With ``is_hybrid`` the patches are places in the last map of a backbone, and its first maps go
    to the neck beside the states of layers; otherwise ``backbone_config`` takes the place of all
    layers where depths are estimated.
    """

    model_type = "dpt"
    small_model: ClassVar = {
        "backbone_out_indices": [0, 1], "reassemble_factors": [2, 1], "neck_hidden_sizes": [6, 8],
    }  # fmt: skip

    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt | None = 12
    num_attention_heads: PositiveInt | None = 12
    intermediate_size: PositiveInt | None = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability | None = 0.0
    attention_probs_dropout_prob: Probability | None = 0.0
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat | None = 1e-12
    image_size: PositiveInt | list[PositiveInt] | None = 384
    patch_size: PositiveInt | list[PositiveInt] | None = 16
    num_channels: PositiveInt | None = 3
    is_hybrid: bool = False
    qkv_bias: bool | None = True
    backbone_out_indices: list[int] | None = OUT_INDICES
    readout_type: Literal["ignore", "add", "project"] = "project"
    reassemble_factors: list[PositiveFloat] = FACTORS
    neck_hidden_sizes: list[PositiveInt] = NECK_SIZES
    fusion_hidden_size: PositiveInt = 256
    head_in_index: int = -1
    use_batch_norm_in_fusion_residual: bool | None = False
    use_bias_in_fusion_residual: bool | None = None
    add_projection: bool = False
    use_auxiliary_head: bool | None = True
    auxiliary_loss_weight: float = 0.4
    semantic_loss_ignore_index: int = 255
    semantic_classifier_dropout: Probability = 0.1
    backbone_featmap_shape: list[PositiveInt] | None = SHAPE
    neck_ignore_stages: list[NonNegativeInt] | None = None
    """The maps of a hybrid's backbone that go to the neck as they are, by default the first two."""
    backbone_config: AnyConfig | None = None
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return HYBRID_BACKBONE if given.get("is_hybrid") else None

    @property
    def has_own_layers(self) -> bool:
        """Whether the layers are ViT's, and not those of a backbone of another architecture."""
        return self.is_hybrid or self.backbone_config is None

    def validate(self) -> None:
        self.pooler_output_size = self.pooler_output_size or self.hidden_size
        if not self.is_hybrid:
            self.backbone_featmap_shape, self.neck_ignore_stages = None, []
        elif self.neck_ignore_stages is None:
            self.neck_ignore_stages = [0, 1]
        if self.is_hybrid and self.readout_type != "project":
            raise ConfigurationError(
                f"DPTConfig: readout_type={self.readout_type!r} cannot be used with is_hybrid, "
                "which projects"
            )
        if len(self.reassemble_factors) != len(self.neck_hidden_sizes):
            raise ConfigurationError(
                f"DPTConfig: {len(self.reassemble_factors)} reassemble_factors for "
                f"{len(self.neck_hidden_sizes)} neck_hidden_sizes; give one for each"
            )
        heads = self.num_attention_heads
        if self.has_own_layers and heads and self.hidden_size % heads:
            raise ConfigurationError(
                f"DPTConfig: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={heads}"
            )
