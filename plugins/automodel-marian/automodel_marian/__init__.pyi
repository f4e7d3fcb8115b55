from automodel_marian.configuration import MarianConfig as MarianConfig
from automodel_marian.modeling import (
    MarianForCausalLM as MarianForCausalLM,
    MarianModel as MarianModel,
    MarianMTModel as MarianMTModel,
    MarianPreTrainedModel as MarianPreTrainedModel,
)
from automodel_marian.tokenization import MarianTokenizer as MarianTokenizer
