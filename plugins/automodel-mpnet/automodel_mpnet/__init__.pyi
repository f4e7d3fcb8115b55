from automodel_mpnet.configuration import MPNetConfig as MPNetConfig
from automodel_mpnet.modeling import (
    MPNetForMaskedLM as MPNetForMaskedLM,
    MPNetForMultipleChoice as MPNetForMultipleChoice,
    MPNetForQuestionAnswering as MPNetForQuestionAnswering,
    MPNetForSequenceClassification as MPNetForSequenceClassification,
    MPNetForTokenClassification as MPNetForTokenClassification,
    MPNetModel as MPNetModel,
    MPNetPreTrainedModel as MPNetPreTrainedModel,
)
from automodel_mpnet.tokenization import (
    MPNetTokenizer as MPNetTokenizer,
    MPNetTokenizerFast as MPNetTokenizerFast,
)
