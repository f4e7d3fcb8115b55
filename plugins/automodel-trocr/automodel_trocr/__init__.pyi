from automodel_trocr.configuration import TrOCRConfig as TrOCRConfig
from automodel_trocr.modeling import (
    TrOCRForCausalLM as TrOCRForCausalLM,
    TrOCRPreTrainedModel as TrOCRPreTrainedModel,
)
from automodel_trocr.processing import TrOCRProcessor as TrOCRProcessor
from automodel_trocr.tokenization import (
    RobertaTokenizer as RobertaTokenizer,
    RobertaTokenizerFast as RobertaTokenizerFast,
    XLMRobertaTokenizer as XLMRobertaTokenizer,
    XLMRobertaTokenizerFast as XLMRobertaTokenizerFast,
)
