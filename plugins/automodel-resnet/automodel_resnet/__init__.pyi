from automodel_resnet.configuration import ResNetConfig as ResNetConfig
from automodel_resnet.image_processing import (
    ConvNextFeatureExtractor as ConvNextFeatureExtractor,
    ConvNextImageProcessor as ConvNextImageProcessor,
    ConvNextImageProcessorFast as ConvNextImageProcessorFast,
    ConvNextImageProcessorPil as ConvNextImageProcessorPil,
)
from automodel_resnet.modeling import (
    ResNetBackbone as ResNetBackbone,
    ResNetForImageClassification as ResNetForImageClassification,
    ResNetModel as ResNetModel,
    ResNetPreTrainedModel as ResNetPreTrainedModel,
)
