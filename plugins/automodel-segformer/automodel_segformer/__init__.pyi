from automodel_segformer.configuration import (
    GLPNConfig as GLPNConfig,
    SegformerConfig as SegformerConfig,
)
from automodel_segformer.depth import (
    GLPNForDepthEstimation as GLPNForDepthEstimation,
    GLPNModel as GLPNModel,
    GLPNPreTrainedModel as GLPNPreTrainedModel,
)
from automodel_segformer.image_processing import (
    GLPNFeatureExtractor as GLPNFeatureExtractor,
    GLPNImageProcessor as GLPNImageProcessor,
    GLPNImageProcessorFast as GLPNImageProcessorFast,
    GLPNImageProcessorPil as GLPNImageProcessorPil,
    SegformerFeatureExtractor as SegformerFeatureExtractor,
    SegformerImageProcessor as SegformerImageProcessor,
    SegformerImageProcessorFast as SegformerImageProcessorFast,
    SegformerImageProcessorPil as SegformerImageProcessorPil,
)
from automodel_segformer.modeling import (
    SegformerDecodeHead as SegformerDecodeHead,
    SegformerForImageClassification as SegformerForImageClassification,
    SegformerForSemanticSegmentation as SegformerForSemanticSegmentation,
    SegformerModel as SegformerModel,
    SegformerPreTrainedModel as SegformerPreTrainedModel,
)
