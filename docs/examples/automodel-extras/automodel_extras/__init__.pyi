from automodel_extras.embedding import (
    BertForTextEmbedding as BertForTextEmbedding,
    TextEmbeddingOutput as TextEmbeddingOutput,
)
from automodel_extras.npz import NpzTensors as NpzTensors
