"""The configurations of CLIP and of its towers."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.clip import ImageTowerConfig, TextTowerConfig, TwoTowerConfig
from automodel_core.fields import NonNegativeFloat, PositiveInt


class CLIPTextConfig(TextTowerConfig):
    """The tower that reads texts, each pooled at its end.

    Files with ``eos_token_id`` 2 were written before it was used, and mean the largest id.
    """

    model_type = "clip_text_model"

    hidden_size: PositiveInt = 512
    intermediate_size: PositiveInt = 2048
    num_attention_heads: PositiveInt = 8
    projection_dim: PositiveInt = 512
    initializer_range: NonNegativeFloat = 0.02
    initializer_factor: NonNegativeFloat = 1.0
    pad_token_id: int | None = 1
    bos_token_id: int | None = 49406
    eos_token_id: TokenId = 49407


class CLIPVisionConfig(ImageTowerConfig):
    """The tower that sees images."""

    model_type = "clip_vision_model"

    projection_dim: PositiveInt = 512
    initializer_range: NonNegativeFloat = 0.02
    initializer_factor: NonNegativeFloat = 1.0


class CLIPConfig(TwoTowerConfig):
    """CLIP (https://arxiv.org/abs/2103.00020): two towers, and the space where they meet."""

    model_type = "clip"

    text_config: CLIPTextConfig = CLIPTextConfig()
    vision_config: CLIPVisionConfig = CLIPVisionConfig()
    projection_dim: PositiveInt = 512
    logit_scale_init_value: float = 2.6592
    initializer_factor: NonNegativeFloat = 1.0
