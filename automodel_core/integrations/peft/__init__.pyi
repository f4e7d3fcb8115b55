from automodel_core.integrations.peft.adapters import (
    get_peft_model as get_peft_model,
    load_adapter as load_adapter,
    merge as merge,
    save_adapter as save_adapter,
    targets as targets,
)
