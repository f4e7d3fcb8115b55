"""The hub's names of T5's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

# As Mesh TensorFlow's files have them.
MESH = {
    "decoder.logits": "lm_head",
    **{
        f"{side}.{theirs}": f"{side}.{hub}"
        for side in ("encoder", "decoder")
        for theirs, hub in {
            "rms_norm": "final_layer_norm",
            "block.*.layer.*.rms_norm": "block.*.layer.*.layer_norm",
            **{
                f"block.*.layer.*.DenseReluDense.wi.{number}": (
                    f"block.*.layer.*.DenseReluDense.wi_{number}"
                )
                for number in (0, 1)
            },
        }.items()
    },
}


@functools.cache
def t5_names(
    is_gated: bool, biases_each_layer: bool, has_decoder: bool, hub: str, module: str
) -> WeightNames:
    """Return the names of a body, embeddings and stacks, under a prefix on either side."""
    names = WeightNames({"shared": "embed_tokens"}, foreign=MESH)
    for side in ("encoder", "decoder") if has_decoder else ("encoder",):
        embeddings = WeightNames(aliases={f"{side}.embed_tokens.weight": "shared.weight"})
        rules = stack_rules(is_gated, biases_each_layer, decoder=side == "decoder")
        stack = WeightNames(rules)
        names = names | embeddings | stack.nested(hub=side, module=side)
    # One released conversion gave cross-attention biases, which no T5 has.
    unused = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias",)
    names |= WeightNames(ignored=unused if has_decoder else ("decoder", "lm_head"))
    return names.nested(hub=hub, module=module)


def stack_rules(is_gated: bool, biases_each_layer: bool, *, decoder: bool) -> dict[str, str]:
    """Return hub prefix -> module prefix; a layer's parts are numbered in their order."""
    rules = {"final_layer_norm": "stack.norm"}
    parts = ["self_attn", "cross_attn", "mlp"] if decoder else ["self_attn", "mlp"]
    for number, part in enumerate(parts):
        hub, module = f"block.*.layer.{number}", f"stack.layers.*.{part}"
        rules[f"{hub}.layer_norm"] = f"{module}_norm"
        if part == "mlp":
            up = {"wi_0": "gate_proj", "wi_1": "up_proj"} if is_gated else {"wi": "up_proj"}
            for theirs, ours in {**up, "wo": "down_proj"}.items():
                rules[f"{hub}.DenseReluDense.{theirs}"] = f"{module}.{ours}"
        else:
            attention = "SelfAttention" if part == "self_attn" else "EncDecAttention"
            for letter in "qkvo":
                rules[f"{hub}.{attention}.{letter}"] = f"{module}.{letter}_proj"
    if biases_each_layer:
        biases = "block.*.layer.0.SelfAttention.relative_attention_bias"
        rules[biases] = "stack.layers.*.self_attn.position_scores.bias"
    else:
        rules["block.0.layer.0.SelfAttention.relative_attention_bias"] = "position_bias.bias"
    return rules
