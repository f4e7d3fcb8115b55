from automodel_layoutlm.configuration import LayoutLMConfig as LayoutLMConfig
from automodel_layoutlm.modeling import (
    LayoutLMForMaskedLM as LayoutLMForMaskedLM,
    LayoutLMForQuestionAnswering as LayoutLMForQuestionAnswering,
    LayoutLMForSequenceClassification as LayoutLMForSequenceClassification,
    LayoutLMForTokenClassification as LayoutLMForTokenClassification,
    LayoutLMModel as LayoutLMModel,
    LayoutLMPreTrainedModel as LayoutLMPreTrainedModel,
)
from automodel_layoutlm.tokenization import (
    LayoutLMTokenizer as LayoutLMTokenizer,
    LayoutLMTokenizerFast as LayoutLMTokenizerFast,
)
