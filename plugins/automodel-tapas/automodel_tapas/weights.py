"""The hub's names of TAPAS's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.bert import EMBEDDING_NAMES, LAYER_NAMES, body_names, vocabulary_names

TYPES = "embeddings.token_type_embeddings"
SCORES = {
    "output_weights": "cell_score.weight",
    "output_bias": "cell_score.bias",
    "column_output_weights": "column_score.weight",
    "column_output_bias": "column_score.bias",
}
# The layers of TensorFlow's class hold these once more under the names of the layers.
KERAS = {
    "compute_token_logits.output.output_weights": "output_weights",
    "compute_token_logits.output.output_bias": "output_bias",
    "compute_column_logits.column_output.column_output_weights": "column_output_weights",
    "compute_column_logits.column_output.column_output_bias": "column_output_bias",
}
# Google's own files have the heads at the top, and call the body as BERT's.
GOOGLE = {
    "bert": "tapas",
    "output_weights_agg": "aggregation_classifier.weight",
    "output_bias_agg": "aggregation_classifier.bias",
    "output_weights_cls": "classifier.weight",
    "output_bias_cls": "classifier.bias",
}


@functools.cache
def tapas_names(body: str, *, kinds: int, is_tied: bool, is_pooled: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``kinds`` is how many types a token has, ``is_tied`` says whether the output layer is tied to
    the embeddings, ``is_pooled`` whether the model has a pooler.
    """
    rules = {**EMBEDDING_NAMES, **LAYER_NAMES}
    del rules[TYPES]
    names = body_names(
        {**rules, **{f"{TYPES}_{kind}": f"embed_types.{kind}" for kind in range(kinds)}}
    )
    if not is_pooled:
        names |= WeightNames(ignored=("pooler",))
    if not body:
        return names
    return (
        names.nested(hub="tapas", module=body)
        | WeightNames(SCORES, foreign={**KERAS, **GOOGLE})
        | vocabulary_names(
            "cls.predictions", "transform.dense", "transform.LayerNorm", is_tied=is_tied
        )
    )
