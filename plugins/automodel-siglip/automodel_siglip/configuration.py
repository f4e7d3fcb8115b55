"""The configurations of SigLIP and of its towers."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.clip import ImageTowerConfig, TextTowerConfig, TwoTowerConfig
from automodel_core.fields import NonNegativeFloat, PositiveInt


class SiglipTextConfig(TextTowerConfig):
    """The tower that reads texts, each padded to all positions and pooled at the last."""

    model_type = "siglip_text_model"

    vocab_size: PositiveInt = 32000
    max_position_embeddings: PositiveInt = 64
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: NonNegativeFloat = 1e-6
    projection_size: PositiveInt | None = None
    initializer_factor: NonNegativeFloat = 1.0
    pad_token_id: int | None = 1
    bos_token_id: int | None = 49406
    eos_token_id: TokenId = 49407

    def validate(self) -> None:
        super().validate()
        self.projection_size = self.projection_size or self.hidden_size


class SiglipVisionConfig(ImageTowerConfig):
    """The tower that sees images, pooled by attention unless ``vision_use_head`` is false."""

    model_type = "siglip_vision_model"

    patch_size: PositiveInt | list[PositiveInt] = 16
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: NonNegativeFloat = 1e-6
    vision_use_head: bool = True
    initializer_factor: NonNegativeFloat = 1.0


class SiglipConfig(TwoTowerConfig):
    """SigLIP (https://arxiv.org/abs/2303.15343): two towers, and a chance for each pair."""

    model_type = "siglip"

    text_config: SiglipTextConfig = SiglipTextConfig()
    vision_config: SiglipVisionConfig = SiglipVisionConfig()
    initializer_factor: NonNegativeFloat = 1.0
