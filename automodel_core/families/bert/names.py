"""What the hub calls the family's weights."""

from __future__ import annotations

from collections.abc import Mapping

from automodel_core.checkpoint.names.table import WeightNames

__all__ = ["EMBEDDING_NAMES", "LAYER_NAMES", "body_names", "vocabulary_names"]

EMBEDDING_NAMES: Mapping[str, str] = {
    "embeddings.word_embeddings": "embed_tokens",
    "embeddings.position_embeddings": "embed_positions",
    "embeddings.token_type_embeddings": "embed_token_types",
    "embeddings.LayerNorm": "embed_norm",
}
_ATTENTIONS = {"attention": "self_attn", "crossattention": "cross_attn"}
LAYER_NAMES: Mapping[str, str] = {
    **{
        f"encoder.layer.*.{hub}.{part}": f"stack.layers.*.{attention}{module}"
        for hub, attention in _ATTENTIONS.items()
        for part, module in {
            "self.query": ".q_proj",
            "self.key": ".k_proj",
            "self.value": ".v_proj",
            "output.dense": ".o_proj",
            "output.LayerNorm": "_norm",
            "self.distance_embedding": ".position_scores.embed_distances",
        }.items()
    },
    "encoder.layer.*.intermediate.dense": "stack.layers.*.mlp.up_proj",
    "encoder.layer.*.output.dense": "stack.layers.*.mlp.down_proj",
    "encoder.layer.*.output.LayerNorm": "stack.layers.*.mlp_norm",
}


def body_names(rules: Mapping[str, str]) -> WeightNames:
    """Return the names of a body, in files of any age."""
    old = {"gamma": "weight", "beta": "bias"}
    return WeightNames(rules, segment_aliases=old, ignored=("embeddings.position_ids",))


def vocabulary_names(hub: str, dense: str, norm: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a head over the vocabulary, under the prefix ``hub``.

    ``dense`` and ``norm`` are the names of its transform there; ``is_tied`` says whether the output
    layer is tied to the embeddings.
    """
    names = WeightNames(
        {
            f"{hub}.{dense}": "lm_transform.dense",
            f"{hub}.{norm}": "lm_transform.norm",
            f"{hub}.decoder.weight": "lm_head.weight",
        }
    )
    # The output layer's bias has two names. That of an output layer of its own was trained under
    # the second, where readers of today look, those of yesterday under the first.
    first, second = f"{hub}.bias", f"{hub}.decoder.bias"
    if is_tied:
        return names | WeightNames({first: "lm_head.bias"}, aliases={second: first})
    return names | WeightNames({second: "lm_head.bias"}, copies={first: second})
