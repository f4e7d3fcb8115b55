"""The image processor of ViLT."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from automodel_core.fields import PositiveInt
from automodel_core.vision import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    ChannelValues,
    MaskedImageProcessor,
    Resample,
    Resampling,
    Size,
    resize,
    shortest_edge,
)

LONGEST = 1333 / 800
"""The most that a long edge may be, in short ones."""


class ViltImageProcessor(MaskedImageProcessor):
    """Resize the short edge to 384, the long one to at most 639, both to multiples of 32.

    A ``size`` of height and width is taken as it is.
    """

    default_to_square: bool = False

    do_resize: bool | None = True
    size: Size = shortest_edge(384)
    size_divisor: PositiveInt = 32
    """Height and width are rounded down to a multiple of it, and up where they are smaller."""
    resample: Resample = int(Resampling.BICUBIC)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD
    do_pad: bool | None = True

    def transform(self, image: Tensor) -> Tensor:
        if self.do_resize:
            image = resize(image, self.fitting_size(image.shape), self.resample)
        return self.scale(image)

    def fitting_size(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return the height and width that an image is resized to."""
        size = self.required("size", "do_resize")
        if "height" in size:
            return size["height"], size["width"]
        short = size.get("shortest_edge") or size["longest_edge"]
        bound = int(LONGEST * short)
        scale = short / min(shape[-2:])
        # The short edge is exact: its product may lie just below.
        edges = [short if edge == min(shape[-2:]) else scale * edge for edge in shape[-2:]]
        if max(edges) > bound:
            edges = [bound / max(edges) * edge for edge in edges]
        rounded = (int(edge + 0.5) for edge in edges)
        height, width = (max(edge // self.size_divisor, 1) * self.size_divisor for edge in rounded)
        return height, width


ViltFeatureExtractor = ViltImageProcessorFast = ViltImageProcessorPil = ViltImageProcessor
