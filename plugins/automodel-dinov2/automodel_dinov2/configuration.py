"""The configurations of DINOv2 and Depth Anything."""

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


class Dinov2Config(BackboneConfigMixin):
    """DINOv2 (https://arxiv.org/abs/2304.07193): sizes are one number, or height and width."""

    model_type = "dinov2"
    small_model: ClassVar = {"use_mask_token": False}

    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    mlp_ratio: PositiveInt = 4
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-6
    image_size: PositiveInt | list[PositiveInt] = 224
    patch_size: PositiveInt | list[PositiveInt] = 14
    num_channels: PositiveInt = 3
    qkv_bias: bool = True
    layerscale_value: float = 1.0
    drop_path_rate: Probability = 0.0
    use_swiglu_ffn: bool = False
    out_features: OutFeatures = None
    out_indices: OutIndices = None
    apply_layernorm: bool = True
    reshape_hidden_states: bool = True
    use_mask_token: bool = True

    @property
    def leading_tokens(self) -> int:
        """How many states come before those of the patches."""
        return 1

    def validate(self) -> None:
        super().validate()
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        for key in ("image_size", "patch_size"):
            value = getattr(self, key)
            if isinstance(value, list) and len(value) != 2:
                raise ConfigurationError(
                    f"{type(self).__name__}: {key}={value} cannot be used: expected a number, or "
                    "height and width"
                )


class Dinov2WithRegistersConfig(Dinov2Config):
    """DINOv2 with learned tokens that stand for no patch (https://arxiv.org/abs/2309.16588)."""

    model_type = "dinov2_with_registers"

    patch_size: PositiveInt | list[PositiveInt] = 16
    num_register_tokens: NonNegativeInt = 4

    @property
    def leading_tokens(self) -> int:
        return 1 + self.num_register_tokens


SMALL_DINOV2 = {
    "model_type": "dinov2",
    "image_size": 518,
    "hidden_size": 384,
    "num_attention_heads": 6,
    "out_indices": [9, 10, 11, 12],
    "reshape_hidden_states": False,
}
"""The backbone of Depth Anything's small model."""


FACTORS: list[float] = [4, 2, 1, 0.5]
NECK_SIZES = [48, 96, 192, 384]


class DepthAnythingConfig(WithBackboneConfig):
    """Depth Anything (https://arxiv.org/abs/2401.10891): DPT's neck on a backbone.

    With ``depth_estimation_type`` ``metric`` depths are metres up to ``max_depth``, else they are
    inverse and known up to scale and shift.
    """

    model_type = "depth_anything"
    small_model: ClassVar = {
        "backbone_config": {
            "model_type": "dinov2", "hidden_size": 16, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 16, "patch_size": 4, "out_indices": [1, 2],
            "reshape_hidden_states": False, "use_mask_token": False,
        },
        "reassemble_factors": [2, 1],
        "neck_hidden_sizes": [6, 8],
    }  # fmt: skip

    backbone_config: AnyConfig | None = None
    patch_size: PositiveInt = 14
    initializer_range: NonNegativeFloat = 0.02
    reassemble_hidden_size: PositiveInt = 384
    reassemble_factors: list[PositiveFloat] = FACTORS
    neck_hidden_sizes: list[PositiveInt] = NECK_SIZES
    fusion_hidden_size: PositiveInt = 64
    head_in_index: int = -1
    head_hidden_size: PositiveInt = 32
    depth_estimation_type: Literal["relative", "metric"] = "relative"
    max_depth: PositiveFloat | None = 1

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return SMALL_DINOV2

    def validate(self) -> None:
        self.max_depth = self.max_depth or 1
        if len(self.reassemble_factors) != len(self.neck_hidden_sizes):
            raise ConfigurationError(
                f"DepthAnythingConfig: {len(self.reassemble_factors)} reassemble_factors for "
                f"{len(self.neck_hidden_sizes)} neck_hidden_sizes; give one for each"
            )
