from automodel_yolos.configuration import YolosConfig as YolosConfig
from automodel_yolos.image_processing import (
    YolosFeatureExtractor as YolosFeatureExtractor,
    YolosImageProcessor as YolosImageProcessor,
    YolosImageProcessorFast as YolosImageProcessorFast,
    YolosImageProcessorPil as YolosImageProcessorPil,
)
from automodel_yolos.modeling import (
    YolosForObjectDetection as YolosForObjectDetection,
    YolosModel as YolosModel,
    YolosObjectDetectionOutput as YolosObjectDetectionOutput,
    YolosPreTrainedModel as YolosPreTrainedModel,
)
