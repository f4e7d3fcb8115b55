"""The hub's names of RoBERTa's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, LAYER_NAMES, body_names, vocabulary_names


@functools.cache
def roberta_names(body: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``is_tied`` says whether the output layer is tied to the embeddings.
    """
    names = body_names({**EMBEDDING_NAMES, **LAYER_NAMES})
    if not body:
        return names
    vocabulary = vocabulary_names("lm_head", "dense", "layer_norm", is_tied=is_tied)
    return names.nested(hub="roberta", module=body) | vocabulary
