"""The hub's names of the weights of layers, and the modules that hold them."""

from __future__ import annotations

__all__ = ["layer_aliases", "layer_names"]

PARTS = {
    "self_attn.out_proj": "self_attn.o_proj",
    "self_attn_layer_norm": "self_attn_norm",
    "encoder_attn": "cross_attn",
    "encoder_attn.out_proj": "cross_attn.o_proj",
    "encoder_attn_layer_norm": "cross_attn_norm",
    "fc1": "mlp.up_proj",
    "fc2": "mlp.down_proj",
    "final_layer_norm": "mlp_norm",
}
IN_MEMORY = {
    "self_attn.o_proj": "self_attn.out_proj",
    "encoder_attn.o_proj": "encoder_attn.out_proj",
    "mlp.fc1": "fc1",
    "mlp.fc2": "fc2",
}


def layer_names(stack: str, module: str) -> dict[str, str]:
    """Return the names in files of the layers of a stack, by where a ``module`` holds it."""
    there, here = f"{stack}.layers.*", f"{module}.layers.*"
    return {there: here, **{f"{there}.{hub}": f"{here}.{own}" for hub, own in PARTS.items()}}


def layer_aliases(stack: str) -> dict[str, str]:
    """Return names that newer models of the reference have in memory, by those in files."""
    return {f"{stack}.layers.*.{n}": f"{stack}.layers.*.{hub}" for n, hub in IN_MEMORY.items()}
