from automodel_distilbert.configuration import DistilBertConfig as DistilBertConfig
from automodel_distilbert.modeling import (
    DistilBertForMaskedLM as DistilBertForMaskedLM,
    DistilBertForMultipleChoice as DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering as DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification as DistilBertForSequenceClassification,
    DistilBertForTokenClassification as DistilBertForTokenClassification,
    DistilBertModel as DistilBertModel,
    DistilBertPreTrainedModel as DistilBertPreTrainedModel,
)
from automodel_distilbert.tokenization import (
    DistilBertTokenizer as DistilBertTokenizer,
    DistilBertTokenizerFast as DistilBertTokenizerFast,
)
