"""Swin2SR's image processor: pixels from 0 to 1, mirrored at the edges to whole windows."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from automodel_core.fields import PositiveInt
from automodel_core.vision import BaseImageProcessor, pad


class Swin2SRImageProcessor(BaseImageProcessor):
    """Pads an image right and below to the next multiple of ``size_divisor``, by its own pixels.

    An edge that is a multiple already gets a whole ``size_divisor`` more, as in training. Older
    files call this ``pad_size``.
    """

    former_names: ClassVar = {"pad_size": "size_divisor"}

    do_resize: bool | None = None
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = None
    do_pad: bool | None = True
    size_divisor: PositiveInt = 8

    def transform(self, image: Tensor) -> Tensor:
        image = self.scale(image)
        if not self.do_pad:
            return image
        divisor = self.size_divisor
        below, beside = (divisor - edge % divisor for edge in image.shape[-2:])
        return pad(image, bottom=below, right=beside, mode="symmetric")

    def pad_batch(self, images: list[Tensor]) -> list[Tensor]:
        """Return the images as they are: `transform` has padded each."""
        return images


Swin2SRImageProcessorFast = Swin2SRImageProcessorPil = Swin2SRImageProcessor
