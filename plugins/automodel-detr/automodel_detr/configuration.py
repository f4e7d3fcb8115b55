"""The configurations of DETR and Table Transformer, and the backbones that old files name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from automodel_core.configuration import AnyConfig, WithBackboneConfig
from automodel_core.errors import ConfigurationError, shown
from automodel_core.fields import (
    NonNegativeFloat,
    PositiveInt,
    Probability,
)

STAGES = [1, 2, 3, 4]
DILATED = 16
RESNETS: dict[str, dict[str, Any]] = {
    name: {"model_type": "resnet", "layer_type": kind, "depths": depths, "hidden_sizes": sizes}
    for name, kind, depths, sizes in (
        ("resnet18", "basic", [2, 2, 2, 2], [64, 128, 256, 512]),
        ("resnet34", "basic", [3, 4, 6, 3], [64, 128, 256, 512]),
        ("resnet50", "bottleneck", [3, 4, 6, 3], [256, 512, 1024, 2048]),
        ("resnet101", "bottleneck", [3, 4, 23, 3], [256, 512, 1024, 2048]),
        ("resnet152", "bottleneck", [3, 8, 36, 3], [256, 512, 1024, 2048]),
    )
}
OF_TIMM = {"in_chans": "num_channels"}
"""What timm calls the keys of a backbone."""


class DetrConfig(WithBackboneConfig):
    """DETR (https://arxiv.org/abs/2005.12872): a backbone, an encoder, and a decoder of queries."""

    model_type = "detr"
    aliases: ClassVar = {
        "hidden_size": "d_model",
        "num_attention_heads": "encoder_attention_heads",
        "num_hidden_layers": "encoder_layers",
    }
    known_backbones = RESNETS
    small_model: ClassVar = {
        "backbone_config": {
            "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 16],
            "depths": [1, 1, 1, 1], "out_indices": STAGES,
        },
        "use_timm_backbone": False,
        "encoder_attention_heads": 8,
    }  # fmt: skip
    expected_failures: ClassVar = {
        f"first_values_are_as_configured-{task}": "convolutions of masks are drawn by their sizes"
        for task in ("image-segmentation", "universal-segmentation")
    }

    backbone_config: AnyConfig | None = None
    num_channels: PositiveInt = 3
    num_queries: PositiveInt = 100
    encoder_layers: PositiveInt = 6
    encoder_ffn_dim: PositiveInt = 2048
    encoder_attention_heads: PositiveInt = 8
    decoder_layers: PositiveInt = 6
    decoder_ffn_dim: PositiveInt = 2048
    decoder_attention_heads: PositiveInt = 8
    encoder_layerdrop: Probability = 0.0
    decoder_layerdrop: Probability = 0.0
    is_encoder_decoder: bool = True
    activation_function: str = "relu"
    d_model: PositiveInt = 256
    dropout: Probability = 0.1
    attention_dropout: Probability = 0.0
    activation_dropout: Probability = 0.0
    init_std: NonNegativeFloat = 0.02
    init_xavier_std: NonNegativeFloat = 1.0
    auxiliary_loss: bool = False
    position_embedding_type: Literal["sine", "learned"] = "sine"
    dilation: bool | None = False
    """Whether the last stage of a backbone given by name dilates instead of striding."""
    class_cost: NonNegativeFloat = 1
    bbox_cost: NonNegativeFloat = 5
    giou_cost: NonNegativeFloat = 2
    mask_loss_coefficient: NonNegativeFloat = 1
    dice_loss_coefficient: NonNegativeFloat = 1
    bbox_loss_coefficient: NonNegativeFloat = 5
    giou_loss_coefficient: NonNegativeFloat = 2
    eos_coefficient: NonNegativeFloat = 0.1

    def _require_parts(self, given: dict[str, Any]) -> None:
        found = given.get("backbone_config")
        changes = dict(given.get("backbone_kwargs") or {})
        timm = given.get("use_timm_backbone", True) is not False and found is None
        if isinstance(found, Mapping) and found.get("model_type") == "timm_backbone":
            given["backbone"], given["backbone_config"], timm = found.get("backbone"), None, True
            changes |= {key: found[key] for key in KEPT if found.get(key) is not None}
        if timm:
            changes = {OF_TIMM.get(key, key): value for key, value in changes.items()}
            usual = {"num_channels": given.get("num_channels", 3), "out_indices": STAGES}
            if given.get("dilation"):
                usual["output_stride"] = DILATED
            given["backbone"] = given.get("backbone") or "resnet50"
            given["backbone_kwargs"] = {**usual, **changes}
        super()._require_parts(given)
        given.update(NO_NAME)

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"model_type": "resnet", "out_features": ["stage4"]}

    def validate(self) -> None:
        super().validate()
        for heads in (self.encoder_attention_heads, self.decoder_attention_heads):
            if self.d_model % heads:
                raise ConfigurationError(
                    f"{type(self).__name__}: d_model={self.d_model} is not a multiple of {heads} "
                    "attention heads"
                )
        if self.d_model % 4:
            raise ConfigurationError(
                f"{type(self).__name__}: d_model={shown(self.d_model)} is not a multiple of 4, as "
                "sines and cosines of rows and columns need"
            )


KEPT = ("num_channels", "in_chans", "out_indices", "output_stride")
NO_NAME = {"backbone": None, "use_timm_backbone": False, "use_pretrained_backbone": False}
"""What files must say for transformers 4, which else takes the backbone of a file for a second."""


class TableTransformerConfig(DetrConfig):
    """Table Transformer (https://arxiv.org/abs/2110.00061): DETR, normalised before its parts."""

    model_type = "table-transformer"
