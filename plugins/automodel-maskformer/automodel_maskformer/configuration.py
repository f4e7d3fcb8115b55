"""The configuration of MaskFormer, whose backbone and decoder have configurations of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.configuration import AnyConfig, PreTrainedConfig, WithBackboneConfig
from automodel_core.errors import ConfigurationError, shown
from automodel_core.fields import NonNegativeFloat, PositiveInt
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
GROUPS = 32
"""Of channels, which norms of the pixel decoder normalise together."""


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
