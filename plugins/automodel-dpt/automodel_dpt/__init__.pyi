from automodel_core.families.dpt import (
    BitImageProcessor as BitImageProcessor,
    BitImageProcessorFast as BitImageProcessorFast,
    BitImageProcessorPil as BitImageProcessorPil,
    DPTFeatureExtractor as DPTFeatureExtractor,
    DPTImageProcessor as DPTImageProcessor,
    DPTImageProcessorFast as DPTImageProcessorFast,
    DPTImageProcessorPil as DPTImageProcessorPil,
)
from automodel_dpt.bit import (
    BitBackbone as BitBackbone,
    BitForImageClassification as BitForImageClassification,
    BitModel as BitModel,
    BitPreTrainedModel as BitPreTrainedModel,
)
from automodel_dpt.configuration import BitConfig as BitConfig, DPTConfig as DPTConfig
from automodel_dpt.modeling import (
    DPTForDepthEstimation as DPTForDepthEstimation,
    DPTForSemanticSegmentation as DPTForSemanticSegmentation,
    DPTModel as DPTModel,
    DPTPreTrainedModel as DPTPreTrainedModel,
)
