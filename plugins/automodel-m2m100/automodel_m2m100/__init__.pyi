from automodel_m2m100.configuration import M2M100Config as M2M100Config
from automodel_m2m100.modeling import (
    M2M100ForConditionalGeneration as M2M100ForConditionalGeneration,
    M2M100Model as M2M100Model,
    M2M100PreTrainedModel as M2M100PreTrainedModel,
)
from automodel_m2m100.tokenization import (
    M2M100Tokenizer as M2M100Tokenizer,
    M2M100TokenizerFast as M2M100TokenizerFast,
    NllbTokenizer as NllbTokenizer,
    NllbTokenizerFast as NllbTokenizerFast,
)
