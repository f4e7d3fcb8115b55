"""The configuration of SuperPoint."""

from __future__ import annotations

from typing import Annotated

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Range

SIZES = [64, 64, 128, 128]
CELL = 8
"""Pixels below and beside each other for which the model decides together."""


class SuperPointConfig(PreTrainedConfig):
    """SuperPoint (https://arxiv.org/abs/1712.07629): convolutions, one number for each block."""

    model_type = "superpoint"

    encoder_hidden_sizes: list[PositiveInt] = SIZES
    decoder_hidden_size: PositiveInt = 256
    keypoint_decoder_dim: Annotated[int, Range(CELL**2 + 1, CELL**2 + 1)] = CELL**2 + 1
    """The pixels of a cell, and one more for a cell without a point."""
    descriptor_decoder_dim: PositiveInt = 256
    keypoint_threshold: float = 0.005
    max_keypoints: Annotated[int, Range(minimum=-1)] = -1
    """How many points of an image are kept, the best; -1 keeps all."""
    nms_radius: NonNegativeInt = 4
    border_removal_distance: NonNegativeInt = 4
    initializer_range: NonNegativeFloat = 0.02
    border_on_all_sides: bool = True
    """Whether points near the lower and right border are removed too; transformers keeps them."""

    def validate(self) -> None:
        if 2 ** (len(self.encoder_hidden_sizes) - 1) != CELL:
            raise ConfigurationError(
                f"SuperPointConfig: encoder_hidden_sizes={self.encoder_hidden_sizes} must name "
                f"four blocks, which make a map of cells of {CELL} x {CELL} pixels"
            )
