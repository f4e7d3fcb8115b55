from automodel_tapas.configuration import TapasConfig as TapasConfig
from automodel_tapas.modeling import (
    TableQuestionAnsweringOutput as TableQuestionAnsweringOutput,
    TapasForMaskedLM as TapasForMaskedLM,
    TapasForQuestionAnswering as TapasForQuestionAnswering,
    TapasForSequenceClassification as TapasForSequenceClassification,
    TapasModel as TapasModel,
    TapasPreTrainedModel as TapasPreTrainedModel,
)
from automodel_tapas.tokenization import TapasTokenizer as TapasTokenizer
