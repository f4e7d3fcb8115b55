from automodel_vits.configuration import VitsConfig as VitsConfig
from automodel_vits.modeling import (
    VitsModel as VitsModel,
    VitsModelOutput as VitsModelOutput,
    VitsPreTrainedModel as VitsPreTrainedModel,
)
from automodel_vits.tokenization import VitsTokenizer as VitsTokenizer
