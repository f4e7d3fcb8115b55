from automodel_core.configuration.backbones import (
    BackboneConfigMixin as BackboneConfigMixin,
    OutFeatures as OutFeatures,
    OutIndices as OutIndices,
    WithBackboneConfig as WithBackboneConfig,
)
from automodel_core.configuration.base import (
    AnyConfig as AnyConfig,
    PreTrainedConfig as PreTrainedConfig,
    PretrainedConfig as PretrainedConfig,
    TokenId as TokenId,
)
