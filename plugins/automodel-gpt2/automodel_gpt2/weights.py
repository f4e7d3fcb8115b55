"""The hub's names of GPT-2's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER = "stack.layers.*"
BODY_NAMES = {
    "wte": "embed_tokens",
    "wpe": "embed_positions",
    "ln_f": "stack.norm",
    "h.*.ln_1": f"{LAYER}.self_attn_norm",
    "h.*.attn.c_proj": f"{LAYER}.self_attn.o_proj",
    "h.*.ln_cross_attn": f"{LAYER}.cross_attn_norm",
    "h.*.crossattention.q_attn": f"{LAYER}.cross_attn.q_proj",
    "h.*.crossattention.c_proj": f"{LAYER}.cross_attn.o_proj",
    "h.*.ln_2": f"{LAYER}.mlp_norm",
    "h.*.mlp.c_fc": f"{LAYER}.mlp.up_proj",
    "h.*.mlp.c_proj": f"{LAYER}.mlp.down_proj",
}
FUSED = {
    "h.*.attn.c_attn": tuple(f"{LAYER}.self_attn.{letter}_proj" for letter in "qkv"),
    "h.*.crossattention.c_attn": tuple(f"{LAYER}.cross_attn.{letter}_proj" for letter in "kv"),
}
TRANSPOSED = [
    name for name in (*BODY_NAMES, *FUSED) if name.endswith(("c_attn", "q_attn", "c_proj", "c_fc"))
]
# Causal masks, and the number for what they hide, that older files hold.
BUFFERS = [
    f"h.*.{attention}.{buffer}"
    for attention in ("attn", "crossattention")
    for buffer in ("bias", "masked_bias")
]
# As OpenAI's own files have them.
OPENAI = {f"h.*.ln.{number}": f"h.*.ln_{number}" for number in (1, 2)}


@functools.cache
def gpt2_names(body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(
        BODY_NAMES, fused=FUSED, transposed=TRANSPOSED, foreign=OPENAI, ignored=BUFFERS
    )
    return names.nested(hub="transformer", module=body) if body else names
