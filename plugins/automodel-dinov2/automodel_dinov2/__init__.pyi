from automodel_core.families.dpt import (
    BitImageProcessor as BitImageProcessor,
    BitImageProcessorFast as BitImageProcessorFast,
    BitImageProcessorPil as BitImageProcessorPil,
    DPTFeatureExtractor as DPTFeatureExtractor,
    DPTImageProcessor as DPTImageProcessor,
    DPTImageProcessorFast as DPTImageProcessorFast,
    DPTImageProcessorPil as DPTImageProcessorPil,
)
from automodel_dinov2.configuration import (
    DepthAnythingConfig as DepthAnythingConfig,
    Dinov2Config as Dinov2Config,
    Dinov2WithRegistersConfig as Dinov2WithRegistersConfig,
)
from automodel_dinov2.depth_anything import (
    DepthAnythingForDepthEstimation as DepthAnythingForDepthEstimation,
    DepthAnythingPreTrainedModel as DepthAnythingPreTrainedModel,
)
from automodel_dinov2.modeling import (
    Dinov2Backbone as Dinov2Backbone,
    Dinov2ForImageClassification as Dinov2ForImageClassification,
    Dinov2Model as Dinov2Model,
    Dinov2PreTrainedModel as Dinov2PreTrainedModel,
)
from automodel_dinov2.registers import (
    Dinov2WithRegistersBackbone as Dinov2WithRegistersBackbone,
    Dinov2WithRegistersForImageClassification as Dinov2WithRegistersForImageClassification,
    Dinov2WithRegistersModel as Dinov2WithRegistersModel,
    Dinov2WithRegistersPreTrainedModel as Dinov2WithRegistersPreTrainedModel,
)
