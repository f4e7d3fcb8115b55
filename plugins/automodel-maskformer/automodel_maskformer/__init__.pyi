from automodel_maskformer.configuration import (
    MaskFormerConfig as MaskFormerConfig,
    MaskFormerSwinConfig as MaskFormerSwinConfig,
)
from automodel_maskformer.image_processing import (
    MaskFormerFeatureExtractor as MaskFormerFeatureExtractor,
    MaskFormerImageProcessor as MaskFormerImageProcessor,
    MaskFormerImageProcessorFast as MaskFormerImageProcessorFast,
    MaskFormerImageProcessorPil as MaskFormerImageProcessorPil,
)
from automodel_maskformer.modeling import (
    MaskFormerForInstanceSegmentation as MaskFormerForInstanceSegmentation,
    MaskFormerForInstanceSegmentationOutput as MaskFormerForInstanceSegmentationOutput,
    MaskFormerModel as MaskFormerModel,
    MaskFormerModelOutput as MaskFormerModelOutput,
    MaskFormerPreTrainedModel as MaskFormerPreTrainedModel,
)
from automodel_maskformer.swin import (
    MaskFormerSwinBackbone as MaskFormerSwinBackbone,
    MaskFormerSwinModel as MaskFormerSwinModel,
    MaskFormerSwinModelOutputWithPooling as MaskFormerSwinModelOutputWithPooling,
)
