"""The configurations of MaskFormer and Mask2Former, whose backbones have some of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.configuration import AnyConfig, PreTrainedConfig, WithBackboneConfig
from automodel_core.errors import ConfigurationError, shown
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability
from automodel_swin import SwinConfig

if TYPE_CHECKING:
    from typing_extensions import Self

SWIN_BASE: dict[str, Any] = {
    "model_type": "swin",
    "image_size": 384,
    "embed_dim": 128,
    "depths": [2, 2, 18, 2],
    "num_heads": [4, 8, 16, 32],
    "window_size": 12,
    "drop_path_rate": 0.3,
}
SWIN_SMALL: dict[str, Any] = {
    "model_type": "swin",
    "depths": [2, 2, 18, 2],
    "drop_path_rate": 0.3,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}
STRIDES = [4, 8, 16, 32]
GROUPS = 32
"""Of channels, which norms of the pixel decoder normalise together."""
LEVELS = 3
"""Of Mask2Former's maps, the coarsest of the backbone, which attend to each other."""


DRAWN_BY_SIZE = {
    f"first_values_are_as_configured-{task}": "most are drawn by the sizes of their layers"
    for task in ("base", "instance-segmentation", "universal-segmentation")
}


class MaskFormerSwinConfig(SwinConfig):
    """Swin, as a backbone whose maps have norms."""

    model_type = "maskformer-swin"


class MaskFormerConfig(WithBackboneConfig):
    """MaskFormer (https://arxiv.org/abs/2107.06278): masks and their classes by queries."""

    model_type = "maskformer"
    aliases: ClassVar = {"hidden_size": "mask_feature_size"}
    small_model: ClassVar = {
        "backbone_config": {
            "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 16],
            "depths": [1, 1, 1, 1], "out_indices": [1, 2, 3, 4],
        },
        "decoder_config": {
            "model_type": "detr", "num_queries": 5, "encoder_layers": 1, "encoder_ffn_dim": 16,
            "encoder_attention_heads": 2, "decoder_layers": 2, "decoder_ffn_dim": 20,
            "decoder_attention_heads": 4, "d_model": 32, "dropout": 0.0,
        },
        "fpn_feature_size": GROUPS,
    }  # fmt: skip
    expected_failures: ClassVar = {
        "sizes_are_those_of_the_configuration": "files call the features of pixels hidden_size",
        **DRAWN_BY_SIZE,
    }

    fpn_feature_size: PositiveInt = 256
    mask_feature_size: PositiveInt = 256
    no_object_weight: NonNegativeFloat = 0.1
    use_auxiliary_loss: bool = False
    backbone_config: AnyConfig | None = None
    decoder_config: AnyConfig | None = None
    init_std: NonNegativeFloat = 0.02
    init_xavier_std: NonNegativeFloat = 1.0
    dice_weight: NonNegativeFloat = 1.0
    cross_entropy_weight: NonNegativeFloat = 1.0
    mask_weight: NonNegativeFloat = 20.0
    output_auxiliary_logits: bool | None = None

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return SWIN_BASE

    def _require_parts(self, given: dict[str, Any]) -> None:
        decoder = given.get("decoder_config")
        if decoder is None or isinstance(decoder, Mapping):
            given["decoder_config"] = {"model_type": "detr", **(decoder or {})}
        super()._require_parts(given)

    def validate(self) -> None:
        super().validate()
        backbone: Any = self.backbone_config
        decoder: Any = self.decoder_config
        if decoder.model_type != "detr":
            raise ConfigurationError(
                f"{type(self).__name__}: decoder_config is of {shown(decoder.model_type)}, and "
                "queries are decoded as by 'detr' only"
            )
        if self.fpn_feature_size % GROUPS:
            raise ConfigurationError(
                f"{type(self).__name__}: fpn_feature_size={shown(self.fpn_feature_size)} is no "
                f"multiple of {GROUPS}, as the norms of the pixel decoder need"
            )
        self.num_attention_heads = decoder.encoder_attention_heads
        self.num_hidden_layers = decoder.num_hidden_layers
        if backbone.model_type in ("swin", "maskformer-swin"):
            self._give_all_stages(backbone)

    def _give_all_stages(self, swin: Any) -> None:
        """Let Swin give the maps of all stages: files that call it so choose the last, if any."""
        stages = swin.stage_names[1:]
        if swin.model_type == "swin" or swin.out_features != stages:
            keys = {**swin.to_dict(), "out_features": stages, "out_indices": None}
            self.backbone_config = MaskFormerSwinConfig.from_dict(keys)

    @classmethod
    def from_backbone_and_decoder_configs(
        cls, backbone_config: PreTrainedConfig, decoder_config: PreTrainedConfig, **keys: Any
    ) -> Self:
        """Return the configuration of a model around a backbone and a decoder."""
        return cls(backbone_config=backbone_config, decoder_config=decoder_config, **keys)


class Mask2FormerConfig(WithBackboneConfig):
    """Mask2Former (https://arxiv.org/abs/2112.01527): queries that see where their masks are."""

    model_type = "mask2former"
    aliases: ClassVar = {"hidden_size": "hidden_dim", "num_hidden_layers": "decoder_layers"}
    small_model: ClassVar = {
        "backbone_config": MaskFormerConfig.small_model["backbone_config"],
        "feature_size": GROUPS, "mask_feature_size": 16, "hidden_dim": 32, "num_queries": 5,
        "encoder_feedforward_dim": 20, "dim_feedforward": 24, "encoder_layers": 1,
        "decoder_layers": 4, "num_attention_heads": 2, "train_num_points": 64,
    }  # fmt: skip
    expected_failures: ClassVar = {
        "sizes_are_those_of_the_configuration": (
            "the first states of its outputs are the backbone's"
        ),
        **DRAWN_BY_SIZE,
    }

    backbone_config: AnyConfig | None = None
    feature_size: PositiveInt = 256
    mask_feature_size: PositiveInt = 256
    hidden_dim: PositiveInt = 256
    encoder_feedforward_dim: PositiveInt = 1024
    activation_function: str = "relu"
    encoder_layers: NonNegativeInt = 6
    decoder_layers: PositiveInt = 10
    """How often masks are drawn: once by the queries alone, and then behind each layer."""
    num_attention_heads: PositiveInt = 8
    dropout: Probability = 0.0
    dim_feedforward: PositiveInt = 2048
    pre_norm: bool = False
    enforce_input_projection: bool = False
    common_stride: PositiveInt = 4
    """Of the map that masks are drawn on, in pixels of the image."""
    ignore_value: int = 255
    num_queries: PositiveInt = 100
    no_object_weight: NonNegativeFloat = 0.1
    class_weight: NonNegativeFloat = 2.0
    mask_weight: NonNegativeFloat = 5.0
    dice_weight: NonNegativeFloat = 5.0
    train_num_points: PositiveInt = 12544
    oversample_ratio: NonNegativeFloat = 3.0
    importance_sample_ratio: Probability = 0.75
    init_std: NonNegativeFloat = 0.02
    init_xavier_std: NonNegativeFloat = 1.0
    use_auxiliary_loss: bool = True
    feature_strides: list[PositiveInt] = STRIDES
    output_auxiliary_logits: bool | None = None

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return SWIN_SMALL

    @property
    def pyramid_levels(self) -> int:
        """How many maps, the finest, are mixed in without attention."""
        return int(math.log2(min(self.feature_strides[-LEVELS:])) - math.log2(self.common_stride))

    def validate(self) -> None:
        super().validate()
        name = type(self).__name__
        if self.feature_size % GROUPS:
            raise ConfigurationError(
                f"{name}: feature_size={shown(self.feature_size)} is no multiple of {GROUPS}, as "
                "the norms of the pixel decoder need"
            )
        for key in ("feature_size", "hidden_dim"):
            size, heads = getattr(self, key), self.num_attention_heads
            if size % heads:
                raise ConfigurationError(
                    f"{name}: {key}={shown(size)} is no multiple of num_attention_heads={heads}"
                )
        if not self.feature_strides or self.pyramid_levels < 0:
            raise ConfigurationError(
                f"{name}: common_stride={shown(self.common_stride)} is coarser than the last "
                f"{LEVELS} of feature_strides={shown(self.feature_strides)}"
            )
        if self.importance_sample_ratio > self.oversample_ratio:
            raise ConfigurationError(
                f"{name}: importance_sample_ratio={shown(self.importance_sample_ratio)} asks for "
                f"more points than oversample_ratio={shown(self.oversample_ratio)} draws"
            )

    @classmethod
    def from_backbone_config(cls, backbone_config: PreTrainedConfig, **keys: Any) -> Self:
        """Return the configuration of a model around a backbone."""
        return cls(backbone_config=backbone_config, **keys)
