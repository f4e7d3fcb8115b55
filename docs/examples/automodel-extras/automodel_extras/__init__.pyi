from automodel_extras.auto import AutoModelForTextEmbedding as AutoModelForTextEmbedding
from automodel_extras.embedding import (
    BertForTextEmbedding as BertForTextEmbedding,
    TextEmbeddingModel as TextEmbeddingModel,
    TextEmbeddingOutput as TextEmbeddingOutput,
)
from automodel_extras.npz import NpzTensors as NpzTensors
