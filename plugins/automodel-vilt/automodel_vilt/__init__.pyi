from automodel_vilt.configuration import ViltConfig as ViltConfig
from automodel_vilt.heads import (
    ViltForImageAndTextRetrieval as ViltForImageAndTextRetrieval,
    ViltForImagesAndTextClassification as ViltForImagesAndTextClassification,
    ViltForMaskedLM as ViltForMaskedLM,
    ViltForQuestionAnswering as ViltForQuestionAnswering,
    ViltForTokenClassification as ViltForTokenClassification,
)
from automodel_vilt.image_processing import (
    ViltFeatureExtractor as ViltFeatureExtractor,
    ViltImageProcessor as ViltImageProcessor,
    ViltImageProcessorFast as ViltImageProcessorFast,
    ViltImageProcessorPil as ViltImageProcessorPil,
)
from automodel_vilt.modeling import (
    ViltModel as ViltModel,
    ViltPreTrainedModel as ViltPreTrainedModel,
)
from automodel_vilt.processing import ViltProcessor as ViltProcessor
from automodel_vilt.tokenization import (
    BertTokenizer as BertTokenizer,
    BertTokenizerFast as BertTokenizerFast,
)
