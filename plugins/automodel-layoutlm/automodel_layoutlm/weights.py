"""The hub's names of LayoutLM's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, LAYER_NAMES, body_names, vocabulary_names

BODY_NAMES = {
    **EMBEDDING_NAMES,
    **LAYER_NAMES,
    **{f"embeddings.{edge}_position_embeddings": f"embed_boxes.{edge}" for edge in "xyhw"},
}


@functools.cache
def layoutlm_names(body: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``is_tied`` says whether the output layer is tied to the embeddings.
    """
    names = body_names(BODY_NAMES)
    if not body:
        return names
    return names.nested(hub="layoutlm", module=body) | vocabulary_names(
        "cls.predictions", "transform.dense", "transform.LayerNorm", is_tied=is_tied
    )
