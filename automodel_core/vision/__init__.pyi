from automodel_core.preprocessing.batch import BatchFeature as BatchFeature
from automodel_core.vision.cropped import (
    CenterCropImageProcessor as CenterCropImageProcessor,
)
from automodel_core.vision.depth import DepthPostProcessing as DepthPostProcessing
from automodel_core.vision.image_processor import BaseImageProcessor as BaseImageProcessor
from automodel_core.vision.images import (
    image_tensor as image_tensor,
    pillow as pillow,
    pillow_image as pillow_image,
)
from automodel_core.vision.padding import (
    MaskedImageProcessor as MaskedImageProcessor,
    pixel_mask as pixel_mask,
)
from automodel_core.vision.segmentation import (
    SegmentationImageProcessor as SegmentationImageProcessor,
    semantic_segmentation as semantic_segmentation,
)
from automodel_core.vision.settings import (
    IMAGENET_DEFAULT_MEAN as IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD as IMAGENET_DEFAULT_STD,
    IMAGENET_STANDARD_MEAN as IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD as IMAGENET_STANDARD_STD,
    OPENAI_CLIP_MEAN as OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD as OPENAI_CLIP_STD,
    ChannelValues as ChannelValues,
    Resample as Resample,
    Resampling as Resampling,
    Size as Size,
    fixed_size as fixed_size,
    shortest_edge as shortest_edge,
)
from automodel_core.vision.transforms import (
    center_crop as center_crop,
    normalize as normalize,
    output_size as output_size,
    pad as pad,
    rescale as rescale,
    resize as resize,
)
from automodel_core.vision.video_processor import BaseVideoProcessor as BaseVideoProcessor
from automodel_core.vision.videos import VideoMetadata as VideoMetadata
