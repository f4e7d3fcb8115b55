from automodel_gpt2.configuration import GPT2Config as GPT2Config
from automodel_gpt2.modeling import (
    GPT2DoubleHeadsModel as GPT2DoubleHeadsModel,
    GPT2DoubleHeadsModelOutput as GPT2DoubleHeadsModelOutput,
    GPT2ForQuestionAnswering as GPT2ForQuestionAnswering,
    GPT2ForSequenceClassification as GPT2ForSequenceClassification,
    GPT2ForTokenClassification as GPT2ForTokenClassification,
    GPT2LMHeadModel as GPT2LMHeadModel,
    GPT2Model as GPT2Model,
    GPT2PreTrainedModel as GPT2PreTrainedModel,
)
from automodel_gpt2.tokenization import (
    GPT2Tokenizer as GPT2Tokenizer,
    GPT2TokenizerFast as GPT2TokenizerFast,
)
