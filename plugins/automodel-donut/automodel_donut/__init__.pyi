from automodel_donut.configuration import DonutSwinConfig as DonutSwinConfig
from automodel_donut.image_processing import (
    DonutFeatureExtractor as DonutFeatureExtractor,
    DonutImageProcessor as DonutImageProcessor,
    DonutImageProcessorFast as DonutImageProcessorFast,
    DonutImageProcessorPil as DonutImageProcessorPil,
)
from automodel_donut.modeling import (
    DonutSwinForImageClassification as DonutSwinForImageClassification,
    DonutSwinModel as DonutSwinModel,
    DonutSwinPreTrainedModel as DonutSwinPreTrainedModel,
)
from automodel_donut.processing import DonutProcessor as DonutProcessor
from automodel_donut.tokenization import (
    XLMRobertaTokenizer as XLMRobertaTokenizer,
    XLMRobertaTokenizerFast as XLMRobertaTokenizerFast,
)
