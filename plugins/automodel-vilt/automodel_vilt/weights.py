"""The hub's names of ViLT's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER = "encoder.layer.*"
BODY_NAMES = {
    "embeddings.text_embeddings.word_embeddings": "embed.text.embed_tokens",
    "embeddings.text_embeddings.position_embeddings": "embed.text.embed_positions",
    "embeddings.text_embeddings.token_type_embeddings": "embed.text.embed_token_types",
    "embeddings.text_embeddings.LayerNorm": "embed.text.norm",
    "embeddings.cls_token": "embed.image.cls_token",
    "embeddings.position_embeddings": "embed.image.position_embeddings",
    "embeddings.patch_embeddings": "embed.image.patches",
    "embeddings.token_type_embeddings": "embed.modalities",
    **{
        f"{LAYER}.{hub}": f"stack.layers.*.{module}"
        for hub, module in {
            "attention.attention.query": "self_attn.q_proj",
            "attention.attention.key": "self_attn.k_proj",
            "attention.attention.value": "self_attn.v_proj",
            "attention.output.dense": "self_attn.o_proj",
            "layernorm_before": "self_attn_norm",
            "layernorm_after": "mlp_norm",
            "intermediate.dense": "mlp.up_proj",
            "output.dense": "mlp.down_proj",
        }.items()
    },
    "layernorm": "norm",
}
TEXT = "embeddings.text_embeddings"
HEAD_NAMES = WeightNames(
    {
        "mlm_score.transform.dense": "lm_transform.dense",
        "mlm_score.transform.LayerNorm": "lm_transform.norm",
        "mlm_score.decoder": "lm_head",
    },
    # transformers 4 reads the first name of the bias, 5 the second.
    copies={"mlm_score.bias": "mlm_score.decoder.bias"},
)


@functools.cache
def vilt_names(body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(BODY_NAMES, ignored=(f"{TEXT}.position_ids", f"{TEXT}.token_type_ids"))
    return names.nested(hub="vilt", module=body) | HEAD_NAMES if body else names
