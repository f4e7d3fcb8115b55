from automodel_detr.configuration import (
    DetrConfig as DetrConfig,
    TableTransformerConfig as TableTransformerConfig,
)
from automodel_detr.image_processing import (
    DetrFeatureExtractor as DetrFeatureExtractor,
    DetrImageProcessor as DetrImageProcessor,
    DetrImageProcessorFast as DetrImageProcessorFast,
    DetrImageProcessorPil as DetrImageProcessorPil,
)
from automodel_detr.modeling import (
    DetrForObjectDetection as DetrForObjectDetection,
    DetrModel as DetrModel,
    DetrObjectDetectionOutput as DetrObjectDetectionOutput,
    DetrPreTrainedModel as DetrPreTrainedModel,
    TableTransformerForObjectDetection as TableTransformerForObjectDetection,
    TableTransformerModel as TableTransformerModel,
    TableTransformerPreTrainedModel as TableTransformerPreTrainedModel,
)
from automodel_detr.segmentation import (
    DetrForSegmentation as DetrForSegmentation,
    DetrSegmentationOutput as DetrSegmentationOutput,
)
