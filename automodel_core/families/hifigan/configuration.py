"""What a configuration says of a generator of waveforms."""

from __future__ import annotations

import math

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt

__all__ = ["GeneratorConfig"]

RATES = [8, 8, 2, 2]
KERNELS = [16, 16, 4, 4]
BLOCK_KERNELS = [3, 7, 11]
BLOCK_DILATIONS = [[1, 3, 5]] * 3


class GeneratorConfig(PreTrainedConfig):
    """The keys of HiFi-GAN (https://arxiv.org/abs/2010.05646).

    Each of ``upsample_rates`` is a stage, which makes that many samples of one and halves the
    channels. Its blocks have the kernels ``resblock_kernel_sizes``, and the dilations beside these.
    """

    upsample_initial_channel: PositiveInt = 512
    upsample_rates: list[PositiveInt] = RATES
    upsample_kernel_sizes: list[PositiveInt] = KERNELS
    resblock_kernel_sizes: list[PositiveInt] = BLOCK_KERNELS
    resblock_dilation_sizes: list[list[PositiveInt]] = BLOCK_DILATIONS
    leaky_relu_slope: NonNegativeFloat = 0.1

    @property
    def samples_per_frame(self) -> int:
        """How many samples of sound a frame of the spectrogram becomes."""
        return math.prod(self.upsample_rates)

    def validate(self) -> None:
        super().validate()
        for first, second in (
            ("upsample_rates", "upsample_kernel_sizes"),
            ("resblock_kernel_sizes", "resblock_dilation_sizes"),
        ):
            counts = len(getattr(self, first)), len(getattr(self, second))
            if counts[0] != counts[1]:
                raise ConfigurationError(
                    f"{type(self).__name__}: {first} has {counts[0]} entries and {second} "
                    f"{counts[1]}; each of the one needs one of the other"
                )
        if self.upsample_initial_channel >> len(self.upsample_rates) < 1:
            raise ConfigurationError(
                f"{type(self).__name__}: upsample_initial_channel={self.upsample_initial_channel} "
                f"cannot be halved {len(self.upsample_rates)} times"
            )
