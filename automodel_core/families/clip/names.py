"""What the hub calls the weights of towers."""

from __future__ import annotations

from collections.abc import Mapping

from automodel_core.checkpoint.names.table import WeightNames

__all__ = ["IMAGE_TOWER_NAMES", "TEXT_TOWER_NAMES", "tower_names"]

LAYER_NAMES: Mapping[str, str] = {
    f"encoder.layers.*.{hub}": f"stack.layers.*.{module}"
    for hub, module in {
        "self_attn": "self_attn",
        "self_attn.out_proj": "self_attn.o_proj",
        "layer_norm1": "self_attn_norm",
        "layer_norm2": "mlp_norm",
        "mlp.fc1": "mlp.up_proj",
        "mlp.fc2": "mlp.down_proj",
    }.items()
}
TEXT_TOWER_NAMES: Mapping[str, str] = {
    "embeddings.token_embedding": "embed_tokens",
    "embeddings.position_embedding": "embed_positions",
    **LAYER_NAMES,
    "final_layer_norm": "norm",
}
IMAGE_TOWER_NAMES: Mapping[str, str] = {
    "embeddings.class_embedding": "embed.class_token",
    "embeddings.patch_embedding": "embed.patches.projection",
    "embeddings.position_embedding": "embed.positions",
    "pre_layrnorm": "embed_norm",  # as the hub spells it
    **LAYER_NAMES,
    "post_layernorm": "norm",
}
POSITION_IDS = "embeddings.position_ids"
"""A range of numbers that old files hold."""


def tower_names(
    rules: Mapping[str, str],
    hub: str,
    module: str = "",
    fused: Mapping[str, tuple[str, ...]] | None = None,
) -> WeightNames:
    """Return the names of a tower, under ``hub`` in files and at the path ``module`` here.

    Its class's `base_model_prefix` is ``hub``: one alone is read without the prefix too, as
    transformers 5 writes it. ``fused`` has what files hold joined.
    """
    path = f"{module}." if module else ""
    return WeightNames(
        {f"{hub}.{theirs}": f"{path}{ours}" for theirs, ours in rules.items()},
        fused={
            f"{hub}.{theirs}": tuple(f"{path}{part}" for part in parts)
            for theirs, parts in (fused or {}).items()
        },
        ignored=(f"{hub}.{POSITION_IDS}", POSITION_IDS),
    )
