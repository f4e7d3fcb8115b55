from automodel_llama.configuration import LlamaConfig as LlamaConfig
from automodel_llama.modeling import (
    LlamaForCausalLM as LlamaForCausalLM,
    LlamaModel as LlamaModel,
)
