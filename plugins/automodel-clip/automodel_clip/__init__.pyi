from automodel_clip.configuration import (
    CLIPConfig as CLIPConfig,
    CLIPTextConfig as CLIPTextConfig,
    CLIPVisionConfig as CLIPVisionConfig,
)
from automodel_clip.image_processing import (
    CLIPFeatureExtractor as CLIPFeatureExtractor,
    CLIPImageProcessor as CLIPImageProcessor,
    CLIPImageProcessorFast as CLIPImageProcessorFast,
    CLIPImageProcessorPil as CLIPImageProcessorPil,
)
from automodel_clip.modeling import (
    CLIPForImageClassification as CLIPForImageClassification,
    CLIPModel as CLIPModel,
    CLIPPreTrainedModel as CLIPPreTrainedModel,
    CLIPTextModel as CLIPTextModel,
    CLIPTextModelWithProjection as CLIPTextModelWithProjection,
    CLIPVisionModel as CLIPVisionModel,
    CLIPVisionModelWithProjection as CLIPVisionModelWithProjection,
)
from automodel_clip.processing import CLIPProcessor as CLIPProcessor
from automodel_clip.tokenization import (
    CLIPTokenizer as CLIPTokenizer,
    CLIPTokenizerFast as CLIPTokenizerFast,
)
