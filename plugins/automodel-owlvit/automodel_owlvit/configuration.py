"""The configurations of OWL-ViT and OWLv2, and of their towers."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.clip import ImageTowerConfig, TextTowerConfig, TwoTowerConfig
from automodel_core.fields import NonNegativeFloat, PositiveInt


class OwlViTTextConfig(TextTowerConfig):
    """The tower that reads what is looked for."""

    model_type = "owlvit_text_model"

    hidden_size: PositiveInt = 512
    intermediate_size: PositiveInt = 2048
    num_attention_heads: PositiveInt = 8
    max_position_embeddings: PositiveInt = 16
    initializer_range: NonNegativeFloat = 0.02
    initializer_factor: NonNegativeFloat = 1.0
    pad_token_id: int | None = 0
    bos_token_id: int | None = 49406
    eos_token_id: TokenId = 49407


class OwlViTVisionConfig(ImageTowerConfig):
    """The tower that sees images."""

    model_type = "owlvit_vision_model"

    image_size: PositiveInt | list[PositiveInt] = 768
    initializer_range: NonNegativeFloat = 0.02
    initializer_factor: NonNegativeFloat = 1.0


class OwlViTConfig(TwoTowerConfig):
    """OWL-ViT (https://arxiv.org/abs/2205.06230): CLIP's towers, and heads for boxes."""

    model_type = "owlvit"

    text_config: OwlViTTextConfig = OwlViTTextConfig()
    vision_config: OwlViTVisionConfig = OwlViTVisionConfig()
    projection_dim: PositiveInt = 512
    logit_scale_init_value: float = 2.6592
    initializer_factor: NonNegativeFloat = 1.0


class Owlv2TextConfig(OwlViTTextConfig):
    """The tower of OWLv2 that reads what is looked for."""

    model_type = "owlv2_text_model"


class Owlv2VisionConfig(OwlViTVisionConfig):
    """The tower of OWLv2 that sees images."""

    model_type = "owlv2_vision_model"

    patch_size: PositiveInt | list[PositiveInt] = 16


class Owlv2Config(OwlViTConfig):
    """OWLv2 (https://arxiv.org/abs/2306.09683): OWL-ViT, and a head for objectness."""

    model_type = "owlv2"

    text_config: Owlv2TextConfig = Owlv2TextConfig()
    vision_config: Owlv2VisionConfig = Owlv2VisionConfig()
