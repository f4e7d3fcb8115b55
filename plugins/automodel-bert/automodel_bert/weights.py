"""The hub's names of BERT's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

ATTENTIONS = {"attention": "self_attn", "crossattention": "cross_attn"}
BODY_NAMES = {
    "embeddings.word_embeddings": "embed_tokens",
    "embeddings.position_embeddings": "embed_positions",
    "embeddings.token_type_embeddings": "embed_token_types",
    "embeddings.LayerNorm": "embed_norm",
    **{
        f"encoder.layer.*.{hub}.{part}": f"stack.layers.*.{attention}{module}"
        for hub, attention in ATTENTIONS.items()
        for part, module in {
            "self.query": ".q_proj",
            "self.key": ".k_proj",
            "self.value": ".v_proj",
            "self.distance_embedding": ".position_scores.embed_distances",
            "output.dense": ".o_proj",
            "output.LayerNorm": "_norm",
        }.items()
    },
    "encoder.layer.*.intermediate.dense": "stack.layers.*.mlp.up_proj",
    "encoder.layer.*.output.dense": "stack.layers.*.mlp.down_proj",
    "encoder.layer.*.output.LayerNorm": "stack.layers.*.mlp_norm",
}
HEAD_NAMES = {
    "cls.predictions.transform.dense": "lm_transform.dense",
    "cls.predictions.transform.LayerNorm": "lm_transform.norm",
    "cls.predictions.decoder.weight": "lm_head.weight",
    "cls.seq_relationship": "next_sentence",
}


@functools.cache
def bert_names(body: str, *, is_tied: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``is_tied`` says whether the output layer is tied to the embeddings.
    """
    old = {"gamma": "weight", "beta": "bias"}
    names = WeightNames(BODY_NAMES, segment_aliases=old, ignored=("embeddings.position_ids",))
    if not body:
        return names
    # The output layer's bias has two names. That of an output layer of its own was trained under
    # the second, where readers of today look, those of yesterday under the first.
    first, second = "cls.predictions.bias", "cls.predictions.decoder.bias"
    if is_tied:
        bias = WeightNames({first: "lm_head.bias"}, aliases={second: first})
    else:
        bias = WeightNames({second: "lm_head.bias"}, copies={first: second})
    return names.nested(hub="bert", module=body) | WeightNames(HEAD_NAMES) | bias
