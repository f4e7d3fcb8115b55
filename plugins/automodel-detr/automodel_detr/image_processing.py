"""The image processor of DETR and Table Transformer."""

from __future__ import annotations

from automodel_core.detection import (
    BoxPostProcessing,
    DetectionImageProcessor,
    QueryMaskPostProcessing,
)
from automodel_core.vision import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    ChannelValues,
    Resample,
    Resampling,
    Size,
)

EDGES: Size = {"shortest_edge": 800, "longest_edge": 1333}


class DetrImageProcessor(DetectionImageProcessor, BoxPostProcessing, QueryMaskPostProcessing):
    """Resize the shortest edge to 800, normalise as ImageNet's pictures are, and pad a batch."""

    do_resize: bool | None = True
    size: Size = EDGES
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_DEFAULT_MEAN
    image_std: ChannelValues = IMAGENET_DEFAULT_STD
    do_pad: bool | None = True


DetrFeatureExtractor = DetrImageProcessorFast = DetrImageProcessorPil = DetrImageProcessor
