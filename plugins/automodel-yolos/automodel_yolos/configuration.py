"""The configuration of YOLOS."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.families.vit import ViTFamilyConfig
from automodel_core.fields import NonNegativeFloat, PositiveInt

IMAGE_SIZE: list[PositiveInt] = [512, 864]


class YolosConfig(ViTFamilyConfig):
    """YOLOS (https://arxiv.org/abs/2106.00666): a ViT with tokens that look for objects."""

    model_type = "yolos"
    small_model: ClassVar = {"image_size": [16, 24]}
    expected_failures: ClassVar = {
        f"padded_pixels_change_nothing-{task}": "YOLOS was trained to see padding"
        for task in ("base", "object-detection")
    }

    image_size: PositiveInt | list[PositiveInt] = IMAGE_SIZE
    num_detection_tokens: PositiveInt = 100
    use_mid_position_embeddings: bool = True
    """Whether positions are added between layers too, others for each."""
    auxiliary_loss: bool = False
    class_cost: NonNegativeFloat = 1
    bbox_cost: NonNegativeFloat = 5
    giou_cost: NonNegativeFloat = 2
    bbox_loss_coefficient: NonNegativeFloat = 5
    giou_loss_coefficient: NonNegativeFloat = 2
    eos_coefficient: NonNegativeFloat = 0.1
