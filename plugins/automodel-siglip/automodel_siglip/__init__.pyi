from automodel_siglip.configuration import (
    SiglipConfig as SiglipConfig,
    SiglipTextConfig as SiglipTextConfig,
    SiglipVisionConfig as SiglipVisionConfig,
)
from automodel_siglip.image_processing import (
    SiglipFeatureExtractor as SiglipFeatureExtractor,
    SiglipImageProcessor as SiglipImageProcessor,
    SiglipImageProcessorFast as SiglipImageProcessorFast,
    SiglipImageProcessorPil as SiglipImageProcessorPil,
)
from automodel_siglip.modeling import (
    SiglipForImageClassification as SiglipForImageClassification,
    SiglipModel as SiglipModel,
    SiglipPreTrainedModel as SiglipPreTrainedModel,
    SiglipTextModel as SiglipTextModel,
    SiglipVisionModel as SiglipVisionModel,
)
from automodel_siglip.processing import SiglipProcessor as SiglipProcessor
from automodel_siglip.tokenization import SiglipTokenizer as SiglipTokenizer
