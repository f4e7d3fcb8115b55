from automodel_albert.configuration import AlbertConfig as AlbertConfig
from automodel_albert.modeling import (
    AlbertForMaskedLM as AlbertForMaskedLM,
    AlbertForMultipleChoice as AlbertForMultipleChoice,
    AlbertForPreTraining as AlbertForPreTraining,
    AlbertForQuestionAnswering as AlbertForQuestionAnswering,
    AlbertForSequenceClassification as AlbertForSequenceClassification,
    AlbertForTokenClassification as AlbertForTokenClassification,
    AlbertModel as AlbertModel,
    AlbertPreTrainedModel as AlbertPreTrainedModel,
)
from automodel_albert.tokenization import (
    AlbertTokenizer as AlbertTokenizer,
    AlbertTokenizerFast as AlbertTokenizerFast,
)
