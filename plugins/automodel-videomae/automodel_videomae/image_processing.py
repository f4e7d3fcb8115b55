"""The processors of VideoMAE, for videos under either name."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.vision import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    BaseVideoProcessor,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
)

SHORTEST_EDGE: Size = {"shortest_edge": 224}


class VideoMAEImageProcessor(BaseVideoProcessor):
    """Resize the shortest edge of frames to 224, take the middle, and scale from -1 to 1."""

    kind = "image_processor"
    stand_ins = ("video_processor",)
    model_input_names: ClassVar[tuple[str, ...]] = ("pixel_values",)
    default_to_square = False

    do_resize: bool | None = True
    size: Size = SHORTEST_EDGE
    resample: Resample = int(Resampling.BILINEAR)
    do_center_crop: bool | None = True
    crop_size: Size = fixed_size(224)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD


class VideoMAEVideoProcessor(VideoMAEImageProcessor):
    """The same, as newer checkpoints describe it in ``video_preprocessor_config.json``."""

    kind = "video_processor"
    stand_ins = ("image_processor",)

    do_convert_rgb: bool | None = True


VideoMAEFeatureExtractor = VideoMAEImageProcessorPil = VideoMAEImageProcessor
