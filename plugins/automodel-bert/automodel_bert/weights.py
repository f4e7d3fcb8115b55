"""The hub's names of BERT's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, LAYER_NAMES, body_names, vocabulary_names

# As Google's own files have the heads that were added for a task.
GOOGLE = {
    "cls.squad": "qa_outputs",
    "weight": "classifier.weight",
    "bias": "classifier.bias",
}


@functools.cache
def bert_names(body: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``is_tied`` says whether the output layer is tied to the embeddings.
    """
    names = body_names({**EMBEDDING_NAMES, **LAYER_NAMES})
    if not body:
        return names
    return (
        names.nested(hub="bert", module=body)
        | WeightNames({"cls.seq_relationship": "next_sentence"}, foreign=GOOGLE)
        | vocabulary_names(
            "cls.predictions", "transform.dense", "transform.LayerNorm", is_tied=is_tied
        )
    )
