"""The image processor of YOLOS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from automodel_core.detection import BoxPostProcessing, DetectionImageProcessor
from automodel_core.vision import output_size, resize

PATCH = 16
"""Edges that keep their ratio are resized to multiples of it, whatever the model's patches are."""


class YolosImageProcessor(DetectionImageProcessor, BoxPostProcessing):
    """Resize the shortest edge to 800, both to multiples of 16; normalise, and pad a batch."""

    def transform(self, image: Tensor) -> Tensor:
        if self.do_resize:
            size = whole_patches(image.shape, self.required("size", "do_resize"))
            image = resize(image, size, self.resample)
        return self.scale(image)


def whole_patches(shape: Sequence[int], size: Mapping[str, int]) -> tuple[int, int]:
    """Return height and width of an image ``(..., height, width)`` for a ``size``.

    Where the ratio of the edges is kept, they are multiples of `PATCH`, one at least.
    """
    height, width = output_size(shape, size)
    if "shortest_edge" not in size:
        return height, width
    longest = size.get("longest_edge", height)
    if height > longest:  # a short edge that fits already leaves high images as they are
        height = int(longest * width / height * height / width)
    return max(PATCH, height - height % PATCH), max(PATCH, width - width % PATCH)


YolosFeatureExtractor = YolosImageProcessorFast = YolosImageProcessorPil = YolosImageProcessor
