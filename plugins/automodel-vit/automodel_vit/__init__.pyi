from automodel_core.families.vit import (
    ViTFeatureExtractor as ViTFeatureExtractor,
    ViTImageProcessor as ViTImageProcessor,
    ViTImageProcessorFast as ViTImageProcessorFast,
    ViTImageProcessorPil as ViTImageProcessorPil,
)
from automodel_vit.configuration import DeiTConfig as DeiTConfig, ViTConfig as ViTConfig
from automodel_vit.distilled import (
    DeiTForImageClassification as DeiTForImageClassification,
    DeiTForImageClassificationWithTeacher as DeiTForImageClassificationWithTeacher,
    DeiTForMaskedImageModeling as DeiTForMaskedImageModeling,
    DeiTModel as DeiTModel,
    DeiTPreTrainedModel as DeiTPreTrainedModel,
)
from automodel_vit.image_processing import (
    DeiTFeatureExtractor as DeiTFeatureExtractor,
    DeiTImageProcessor as DeiTImageProcessor,
    DeiTImageProcessorFast as DeiTImageProcessorFast,
    DeiTImageProcessorPil as DeiTImageProcessorPil,
)
from automodel_vit.modeling import (
    ViTForImageClassification as ViTForImageClassification,
    ViTForMaskedImageModeling as ViTForMaskedImageModeling,
    ViTModel as ViTModel,
    ViTPreTrainedModel as ViTPreTrainedModel,
)
