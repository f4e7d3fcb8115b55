"""The configurations of Swin and Swin V2."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import BackboneConfigMixin, OutFeatures, OutIndices
from automodel_core.errors import ConfigurationError
from automodel_core.families.swin import SwinFamilyConfig
from automodel_core.fields import NonNegativeInt, PositiveInt

NEVER_TRAINED = [0, 0, 0, 0]


class SwinConfig(SwinFamilyConfig, BackboneConfigMixin):
    """Swin (https://arxiv.org/abs/2103.14030): lists have a number for each stage."""

    model_type = "swin"
    small_model: ClassVar = {**SwinFamilyConfig.small_model, "encoder_stride": 8}

    encoder_stride: PositiveInt = 32
    """The edge of the square of pixels that a last state is decoded to."""
    out_features: OutFeatures = None
    out_indices: OutIndices = None


class Swinv2Config(SwinConfig):
    """Swin V2 (https://arxiv.org/abs/2111.09883).

    ``pretrained_window_sizes`` are those of the smaller images that a checkpoint has learned from
    before, 0 where there were none.
    """

    model_type = "swinv2"

    pretrained_window_sizes: list[NonNegativeInt] | None = NEVER_TRAINED

    def validate(self) -> None:
        super().validate()
        given, stages = self.pretrained_window_sizes or [], len(self.depths)
        if len(given) < stages and any(given):
            raise ConfigurationError(
                f"Swinv2Config: pretrained_window_sizes={given} must have a number for each of the "
                f"{stages} stages"
            )

    def trained_window(self, stage: int) -> int:
        """Return the size of the windows that a stage has learned from before, or 0."""
        given = self.pretrained_window_sizes or []
        return given[stage] if stage < len(given) else 0
