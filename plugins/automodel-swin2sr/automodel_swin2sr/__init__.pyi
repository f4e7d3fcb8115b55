from automodel_swin2sr.configuration import Swin2SRConfig as Swin2SRConfig
from automodel_swin2sr.image_processing import (
    Swin2SRImageProcessor as Swin2SRImageProcessor,
    Swin2SRImageProcessorFast as Swin2SRImageProcessorFast,
    Swin2SRImageProcessorPil as Swin2SRImageProcessorPil,
)
from automodel_swin2sr.modeling import (
    Swin2SRForImageSuperResolution as Swin2SRForImageSuperResolution,
    Swin2SRModel as Swin2SRModel,
    Swin2SRPreTrainedModel as Swin2SRPreTrainedModel,
)
