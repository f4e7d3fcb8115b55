from automodel_core.configuration.base import (
    AnyConfig as AnyConfig,
    PreTrainedConfig as PreTrainedConfig,
    PretrainedConfig as PretrainedConfig,
    TokenId as TokenId,
)
