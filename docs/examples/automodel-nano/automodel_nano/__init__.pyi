from automodel_nano.configuration import NanoConfig as NanoConfig
from automodel_nano.modeling import NanoForCausalLM as NanoForCausalLM, NanoModel as NanoModel
