from automodel_core.families.llama.configuration import LlamaFamilyConfig as LlamaFamilyConfig
from automodel_core.families.llama.heads import (
    LlamaFamilyForCausalLM as LlamaFamilyForCausalLM,
    LlamaFamilyForQuestionAnswering as LlamaFamilyForQuestionAnswering,
    LlamaFamilyForSequenceClassification as LlamaFamilyForSequenceClassification,
    LlamaFamilyForTokenClassification as LlamaFamilyForTokenClassification,
)
from automodel_core.families.llama.models import (
    LlamaFamilyModel as LlamaFamilyModel,
    LlamaFamilyPreTrainedModel as LlamaFamilyPreTrainedModel,
    head_projections as head_projections,
)
