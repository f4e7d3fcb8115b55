"""The image processor of models that see the middle of a picture, scaled as CLIP scales it."""

from __future__ import annotations

from automodel_core.vision.image_processor import BaseImageProcessor
from automodel_core.vision.settings import (
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
    shortest_edge,
)

__all__ = ["CenterCropImageProcessor"]


class CenterCropImageProcessor(BaseImageProcessor):
    """Resize the short edge to 224, take the middle 224 x 224, and scale."""

    default_to_square: bool = False

    do_resize: bool | None = True
    size: Size = shortest_edge(224)
    resample: Resample = int(Resampling.BICUBIC)
    do_center_crop: bool | None = True
    crop_size: Size = fixed_size(224)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = OPENAI_CLIP_MEAN
    image_std: ChannelValues = OPENAI_CLIP_STD
    do_convert_rgb: bool | None = True
