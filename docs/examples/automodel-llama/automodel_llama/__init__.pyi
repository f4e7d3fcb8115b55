from automodel_llama.configuration import LlamaConfig as LlamaConfig
from automodel_llama.modeling import (
    LlamaForCausalLM as LlamaForCausalLM,
    LlamaForQuestionAnswering as LlamaForQuestionAnswering,
    LlamaForSequenceClassification as LlamaForSequenceClassification,
    LlamaForTokenClassification as LlamaForTokenClassification,
    LlamaModel as LlamaModel,
    LlamaPreTrainedModel as LlamaPreTrainedModel,
)
