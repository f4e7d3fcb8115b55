from automodel_bert.configuration import BertConfig as BertConfig
from automodel_bert.modeling import (
    BertForMaskedLM as BertForMaskedLM,
    BertForMultipleChoice as BertForMultipleChoice,
    BertForNextSentencePrediction as BertForNextSentencePrediction,
    BertForPreTraining as BertForPreTraining,
    BertForQuestionAnswering as BertForQuestionAnswering,
    BertForSequenceClassification as BertForSequenceClassification,
    BertForTokenClassification as BertForTokenClassification,
    BertLMHeadModel as BertLMHeadModel,
    BertModel as BertModel,
    BertPreTrainedModel as BertPreTrainedModel,
)
from automodel_bert.tokenization import (
    BertTokenizer as BertTokenizer,
    BertTokenizerFast as BertTokenizerFast,
)
