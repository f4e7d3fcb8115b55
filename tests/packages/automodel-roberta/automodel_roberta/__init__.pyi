from automodel_roberta.configuration import RobertaConfig as RobertaConfig
from automodel_roberta.modeling import (
    RobertaForCausalLM as RobertaForCausalLM,
    RobertaForMaskedLM as RobertaForMaskedLM,
    RobertaForMultipleChoice as RobertaForMultipleChoice,
    RobertaForQuestionAnswering as RobertaForQuestionAnswering,
    RobertaForSequenceClassification as RobertaForSequenceClassification,
    RobertaForTokenClassification as RobertaForTokenClassification,
    RobertaModel as RobertaModel,
    RobertaPreTrainedModel as RobertaPreTrainedModel,
)
from automodel_roberta.tokenization import (
    RobertaTokenizer as RobertaTokenizer,
    RobertaTokenizerFast as RobertaTokenizerFast,
)
