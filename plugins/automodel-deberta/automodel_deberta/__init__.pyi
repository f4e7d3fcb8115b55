from automodel_deberta.configuration import (
    DebertaConfig as DebertaConfig,
    DebertaV2Config as DebertaV2Config,
)
from automodel_deberta.modeling import (
    DebertaForMaskedLM as DebertaForMaskedLM,
    DebertaForQuestionAnswering as DebertaForQuestionAnswering,
    DebertaForSequenceClassification as DebertaForSequenceClassification,
    DebertaForTokenClassification as DebertaForTokenClassification,
    DebertaModel as DebertaModel,
    DebertaPreTrainedModel as DebertaPreTrainedModel,
    DebertaV2ForMaskedLM as DebertaV2ForMaskedLM,
    DebertaV2ForMultipleChoice as DebertaV2ForMultipleChoice,
    DebertaV2ForQuestionAnswering as DebertaV2ForQuestionAnswering,
    DebertaV2ForSequenceClassification as DebertaV2ForSequenceClassification,
    DebertaV2ForTokenClassification as DebertaV2ForTokenClassification,
    DebertaV2Model as DebertaV2Model,
    DebertaV2PreTrainedModel as DebertaV2PreTrainedModel,
)
from automodel_deberta.tokenization import (
    DebertaTokenizer as DebertaTokenizer,
    DebertaTokenizerFast as DebertaTokenizerFast,
    DebertaV2Tokenizer as DebertaV2Tokenizer,
    DebertaV2TokenizerFast as DebertaV2TokenizerFast,
)
