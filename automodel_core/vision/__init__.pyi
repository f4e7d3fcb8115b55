from automodel_core.vision.features import BatchFeature as BatchFeature
from automodel_core.vision.image_processor import BaseImageProcessor as BaseImageProcessor
from automodel_core.vision.images import image_tensor as image_tensor
from automodel_core.vision.settings import (
    HALVES as HALVES,
    Numbers as Numbers,
    Resample as Resample,
    Resampling as Resampling,
    Size as Size,
    rectangle as rectangle,
)
from automodel_core.vision.transforms import (
    center_crop as center_crop,
    fitting_size as fitting_size,
    normalize as normalize,
    pad as pad,
    rescale as rescale,
    resize as resize,
)
