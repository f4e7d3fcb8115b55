from automodel_core.families.vit import (
    ViTFeatureExtractor as ViTFeatureExtractor,
    ViTImageProcessor as ViTImageProcessor,
    ViTImageProcessorFast as ViTImageProcessorFast,
    ViTImageProcessorPil as ViTImageProcessorPil,
)
from automodel_swin.configuration import SwinConfig as SwinConfig, Swinv2Config as Swinv2Config
from automodel_swin.modeling import (
    SwinBackbone as SwinBackbone,
    SwinForImageClassification as SwinForImageClassification,
    SwinForMaskedImageModeling as SwinForMaskedImageModeling,
    SwinModel as SwinModel,
    SwinPreTrainedModel as SwinPreTrainedModel,
)
from automodel_swin.swinv2 import (
    Swinv2Backbone as Swinv2Backbone,
    Swinv2ForImageClassification as Swinv2ForImageClassification,
    Swinv2ForMaskedImageModeling as Swinv2ForMaskedImageModeling,
    Swinv2Model as Swinv2Model,
    Swinv2PreTrainedModel as Swinv2PreTrainedModel,
)
