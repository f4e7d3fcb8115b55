"""The hub's names of ELECTRA's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, LAYER_NAMES, body_names

HEAD_NAMES = {
    "generator_predictions.dense": "lm_transform.dense",
    "generator_predictions.LayerNorm": "lm_transform.norm",
    "generator_lm_head": "lm_head",
    "discriminator_predictions.dense": "detector.dense",
    "discriminator_predictions.dense_prediction": "detector.out_proj",
}
# As Google's own files have them.
GOOGLE = {
    "discriminator_predictions.dense.1": "discriminator_predictions.dense_prediction",
    "generator_predictions.bias": "generator_lm_head.bias",
}


@functools.cache
def electra_names(body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = body_names({**EMBEDDING_NAMES, **LAYER_NAMES, "embeddings_project": "embed_proj"})
    if not body:
        return names
    heads = WeightNames(HEAD_NAMES, foreign=GOOGLE)
    return names.nested(hub="electra", module=body) | heads
