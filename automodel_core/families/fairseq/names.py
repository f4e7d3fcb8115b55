"""What the hub calls the family's weights."""

from __future__ import annotations

import functools

from automodel_core.checkpoint.names.table import WeightNames

__all__ = ["stack_names"]

_ATTENTIONS = {"self_attn": "self_attn", "encoder_attn": "cross_attn"}
_STACK = {
    "embed_tokens": "embeddings.embed_tokens",
    "embed_positions": "embeddings.embed_positions",
    "layernorm_embedding": "embeddings.norm",
    "layer_norm": "stack.norm",
    "layers": "stack.layers",
    **{
        f"layers.*.{hub}{theirs}": f"stack.layers.*.{module}{ours}"
        for hub, module in _ATTENTIONS.items()
        for theirs, ours in {"": "", ".out_proj": ".o_proj", "_layer_norm": "_norm"}.items()
    },
    "layers.*.fc1": "stack.layers.*.mlp.up_proj",
    "layers.*.fc2": "stack.layers.*.mlp.down_proj",
    "layers.*.final_layer_norm": "stack.layers.*.mlp_norm",
}
_UNUSED = ("version", "embed_positions.weights", "embed_positions._float_tensor")


@functools.cache
def stack_names(*sides: str) -> WeightNames:
    """Return the names of a body with these stacks, ``encoder`` and ``decoder`` or one of them.

    Shared embeddings have a name of their own, ``shared``; a body of one stack reads it as its
    stack's embeddings, and ignores the other stack.
    """
    names = WeightNames({} if len(sides) == 1 else {"shared": "embed_tokens"})
    for side in sides:
        names |= WeightNames(_STACK, ignored=_UNUSED).nested(hub=side, module=side)
    if len(sides) == 1:
        side = sides[0]
        other = "encoder" if side == "decoder" else "decoder"
        names |= WeightNames(
            foreign={"shared.weight": f"{side}.embed_tokens.weight"}, ignored=(other,)
        )
    return names
