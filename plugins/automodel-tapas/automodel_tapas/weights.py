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
# Keras puts these below the scopes in which they are made, and below the layers' names.
KERAS = {
    f"{scope}.{name}": name
    for name in SCORES
    for part in (name.rpartition("_")[0],)
    for scope in (part, f"compute_{'column' if 'column' in part else 'token'}_logits.{part}")
}
# Google's own files have the heads at the top, and call the body as BERT's.
GOOGLE = {
    "weight": "output_weights",
    "bias": "output_bias",
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
    tables = [f"{TYPES}_{kind}" for kind in range(kinds)]
    rules = {**EMBEDDING_NAMES, **LAYER_NAMES}
    del rules[TYPES]
    rules |= {table: f"embed_types.{kind}" for kind, table in enumerate(tables)}
    names = body_names(rules) | WeightNames(foreign={"bert": "", **_of_google(tables)})
    if not is_pooled:
        names |= WeightNames(ignored=("pooler",))
    if not body:
        return names
    return (
        names.nested(hub="tapas", module=body)
        | WeightNames(SCORES, foreign={**KERAS, **GOOGLE, **_of_google(tables, "tapas.")})
        | vocabulary_names(
            "cls.predictions", "transform.dense", "transform.LayerNorm", is_tied=is_tied
        )
    )


def _of_google(tables: list[str], prefix: str = "") -> dict[str, str]:
    """Return the hub's names of tables of types, which Google's files call without a last level."""
    return {f"bert.{table}": f"{prefix}{table}.weight" for table in tables}
