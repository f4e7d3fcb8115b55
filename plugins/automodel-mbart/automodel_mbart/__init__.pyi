from automodel_mbart.configuration import MBartConfig as MBartConfig
from automodel_mbart.modeling import (
    MBartForCausalLM as MBartForCausalLM,
    MBartForConditionalGeneration as MBartForConditionalGeneration,
    MBartForQuestionAnswering as MBartForQuestionAnswering,
    MBartForSequenceClassification as MBartForSequenceClassification,
    MBartModel as MBartModel,
    MBartPreTrainedModel as MBartPreTrainedModel,
)
from automodel_mbart.tokenization import (
    MBart50Tokenizer as MBart50Tokenizer,
    MBart50TokenizerFast as MBart50TokenizerFast,
    MBartTokenizer as MBartTokenizer,
    MBartTokenizerFast as MBartTokenizerFast,
)
