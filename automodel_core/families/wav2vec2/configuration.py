"""The keys of models that hear waveforms by strided convolutions."""

from __future__ import annotations

import math

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability

__all__ = ["WaveformConfig"]

CHANNELS = [512] * 7
STRIDES = [5, 2, 2, 2, 2, 2, 2]
KERNELS = [10, 3, 3, 3, 3, 2, 2]
"""Of the first models: 20 ms from one frame to the next, at 16 kHz."""


class WaveformConfig(PreTrainedConfig):
    """A stem of convolutions, positions by a wide one, and what training hides (SpecAugment)."""

    hidden_size: PositiveInt = 768
    layer_norm_eps: NonNegativeFloat = 1e-5
    feat_extract_norm: str = "group"
    feat_extract_activation: str = "gelu"
    feat_proj_dropout: Probability = 0.0
    conv_dim: list[PositiveInt] = CHANNELS
    conv_stride: list[PositiveInt] = STRIDES
    conv_kernel: list[PositiveInt] = KERNELS
    num_feat_extract_layers: int | None = None
    """The number of convolutions, which files state although the lists above do."""
    conv_bias: bool = False
    num_conv_pos_embeddings: PositiveInt = 128
    num_conv_pos_embedding_groups: PositiveInt = 16
    apply_spec_augment: bool = True
    mask_time_prob: Probability = 0.05
    mask_time_length: PositiveInt = 10
    mask_time_min_masks: NonNegativeInt = 2
    mask_feature_prob: Probability = 0.0
    mask_feature_length: PositiveInt = 10
    mask_feature_min_masks: NonNegativeInt = 0

    def validate(self) -> None:
        super().validate()
        name = type(self).__name__
        if self.feat_extract_norm not in ("group", "layer"):
            raise ConfigurationError(
                f"{name}: feat_extract_norm={self.feat_extract_norm!r} is not 'group' or 'layer'"
            )
        counts = [len(self.conv_dim), len(self.conv_stride), len(self.conv_kernel)]
        if len(set(counts)) > 1 or not counts[0]:
            raise ConfigurationError(
                f"{name}: conv_dim, conv_stride and conv_kernel have {counts} entries; each "
                "convolution needs one of each"
            )
        self.num_feat_extract_layers = counts[0]
        if self.hidden_size % self.num_conv_pos_embedding_groups:
            raise ConfigurationError(
                f"{name}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_conv_pos_embedding_groups={self.num_conv_pos_embedding_groups}"
            )

    @property
    def inputs_to_logits_ratio(self) -> int:
        """Samples from the beginning of one frame to that of the next."""
        return math.prod(self.conv_stride)

    @property
    def hides_in_training(self) -> bool:
        """Whether there is a vector that takes the place of hidden frames."""
        return self.mask_time_prob > 0 or self.mask_feature_prob > 0
