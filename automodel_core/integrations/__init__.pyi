from automodel_core.integrations.reference import (
    ReferenceCase as ReferenceCase,
    write_reference as write_reference,
)
from automodel_core.integrations.sentence_encoder import (
    SentenceEncoder as SentenceEncoder,
    sentence_transformer as sentence_transformer,
)
from automodel_core.integrations.tokenizers import to_transformers as to_transformers
from automodel_core.integrations.trainer import TrainerMixin as TrainerMixin
