from automodel_maskformer.configuration import (
    Mask2FormerConfig as Mask2FormerConfig,
    MaskFormerConfig as MaskFormerConfig,
    MaskFormerSwinConfig as MaskFormerSwinConfig,
)
from automodel_maskformer.image_processing import (
    Mask2FormerImageProcessor as Mask2FormerImageProcessor,
    Mask2FormerImageProcessorFast as Mask2FormerImageProcessorFast,
    Mask2FormerImageProcessorPil as Mask2FormerImageProcessorPil,
    MaskFormerFeatureExtractor as MaskFormerFeatureExtractor,
    MaskFormerImageProcessor as MaskFormerImageProcessor,
    MaskFormerImageProcessorFast as MaskFormerImageProcessorFast,
    MaskFormerImageProcessorPil as MaskFormerImageProcessorPil,
)
from automodel_maskformer.mask2former import (
    Mask2FormerForUniversalSegmentation as Mask2FormerForUniversalSegmentation,
    Mask2FormerModel as Mask2FormerModel,
    Mask2FormerPreTrainedModel as Mask2FormerPreTrainedModel,
)
from automodel_maskformer.modeling import (
    MaskFormerForInstanceSegmentation as MaskFormerForInstanceSegmentation,
    MaskFormerModel as MaskFormerModel,
    MaskFormerPreTrainedModel as MaskFormerPreTrainedModel,
)
from automodel_maskformer.outputs import (
    Mask2FormerForUniversalSegmentationOutput as Mask2FormerForUniversalSegmentationOutput,
    Mask2FormerModelOutput as Mask2FormerModelOutput,
    MaskFormerForInstanceSegmentationOutput as MaskFormerForInstanceSegmentationOutput,
    MaskFormerModelOutput as MaskFormerModelOutput,
)
from automodel_maskformer.swin import (
    MaskFormerSwinBackbone as MaskFormerSwinBackbone,
    MaskFormerSwinModel as MaskFormerSwinModel,
    MaskFormerSwinModelOutputWithPooling as MaskFormerSwinModelOutputWithPooling,
)
