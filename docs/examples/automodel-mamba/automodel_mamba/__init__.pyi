from automodel_mamba.configuration import MambaConfig as MambaConfig
from automodel_mamba.modeling import (
    MambaForCausalLM as MambaForCausalLM,
    MambaModel as MambaModel,
)
