"""The configurations of ViT and DeiT."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.families.vit import ViTFamilyConfig
from automodel_core.fields import PositiveInt


class ViTConfig(ViTFamilyConfig):
    """ViT (https://arxiv.org/abs/2010.11929): sizes are one number, or height and width."""

    model_type = "vit"
    leading_tokens: ClassVar[tuple[str, ...]] = ("cls_token",)
    """The learned vectors that stand before the patches."""

    encoder_stride: PositiveInt = 16
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"

    def validate(self) -> None:
        super().validate()
        self.pooler_output_size = self.pooler_output_size or self.hidden_size


class DeiTConfig(ViTConfig):
    """DeiT (https://arxiv.org/abs/2012.12877): a ViT with a second token, for distillation."""

    model_type = "deit"
    leading_tokens = ("cls_token", "distillation_token")
