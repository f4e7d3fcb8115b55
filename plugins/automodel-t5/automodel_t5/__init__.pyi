from automodel_t5.configuration import (
    MT5Config as MT5Config,
    T5Config as T5Config,
    UMT5Config as UMT5Config,
)
from automodel_t5.modeling import (
    T5EncoderModel as T5EncoderModel,
    T5ForConditionalGeneration as T5ForConditionalGeneration,
    T5ForQuestionAnswering as T5ForQuestionAnswering,
    T5ForSequenceClassification as T5ForSequenceClassification,
    T5ForTokenClassification as T5ForTokenClassification,
    T5Model as T5Model,
    T5PreTrainedModel as T5PreTrainedModel,
)
from automodel_t5.multilingual import (
    MT5EncoderModel as MT5EncoderModel,
    MT5ForConditionalGeneration as MT5ForConditionalGeneration,
    MT5ForQuestionAnswering as MT5ForQuestionAnswering,
    MT5ForSequenceClassification as MT5ForSequenceClassification,
    MT5ForTokenClassification as MT5ForTokenClassification,
    MT5Model as MT5Model,
    UMT5EncoderModel as UMT5EncoderModel,
    UMT5ForConditionalGeneration as UMT5ForConditionalGeneration,
    UMT5ForQuestionAnswering as UMT5ForQuestionAnswering,
    UMT5ForSequenceClassification as UMT5ForSequenceClassification,
    UMT5ForTokenClassification as UMT5ForTokenClassification,
    UMT5Model as UMT5Model,
)
from automodel_t5.tokenization import T5Tokenizer as T5Tokenizer, T5TokenizerFast as T5TokenizerFast
