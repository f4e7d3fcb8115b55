"""The configuration of ResNet."""

from __future__ import annotations

from typing import Literal

from automodel_core.configuration import BackboneConfigMixin, OutFeatures, OutIndices
from automodel_core.errors import ConfigurationError
from automodel_core.fields import PositiveInt

HIDDEN_SIZES = [256, 512, 1024, 2048]
DEPTHS = [3, 4, 6, 3]


class ResNetConfig(BackboneConfigMixin):
    """Residual convolutions (https://arxiv.org/abs/1512.03385); the defaults are ResNet-50's."""

    model_type = "resnet"

    num_channels: PositiveInt = 3
    embedding_size: PositiveInt = 64
    hidden_sizes: list[PositiveInt] = HIDDEN_SIZES
    depths: list[PositiveInt] = DEPTHS
    layer_type: Literal["basic", "bottleneck"] = "bottleneck"
    hidden_act: str = "relu"
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False
    """Whether the first convolution of a bottleneck strides, and not the second."""
    output_stride: Literal[8, 16, 32] = 32
    """How many pixels of each edge the last map has one place for: stages that would shrink it
    further widen their convolutions instead."""
    out_features: OutFeatures = None
    out_indices: OutIndices = None

    @property
    def stage_count(self) -> int:
        return len(self.depths)

    def validate(self) -> None:
        super().validate()
        if len(self.depths) != len(self.hidden_sizes):
            raise ConfigurationError(
                f"{type(self).__name__}: depths={self.depths} and hidden_sizes={self.hidden_sizes} "
                "must have one number for each stage"
            )
        narrow = [size for size in self.hidden_sizes if size % 4]
        if narrow and self.layer_type == "bottleneck":
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_sizes of bottlenecks are multiples of 4, and "
                f"{narrow[0]} is none"
            )
