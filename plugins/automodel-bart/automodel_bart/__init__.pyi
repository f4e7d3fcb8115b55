from automodel_bart.configuration import BartConfig as BartConfig
from automodel_bart.modeling import (
    BartForCausalLM as BartForCausalLM,
    BartForConditionalGeneration as BartForConditionalGeneration,
    BartForQuestionAnswering as BartForQuestionAnswering,
    BartForSequenceClassification as BartForSequenceClassification,
    BartModel as BartModel,
    BartPreTrainedModel as BartPreTrainedModel,
    BartPretrainedModel as BartPretrainedModel,
    PretrainedBartModel as PretrainedBartModel,
)
from automodel_bart.tokenization import (
    BartTokenizer as BartTokenizer,
    BartTokenizerFast as BartTokenizerFast,
)
