"""The hub's names of the weights of both models, and the modules that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import automodel_core.families.detr as family
from automodel_core.checkpoint import WeightNames
from automodel_core.modeling import backbone_names

ENCODER, PYRAMID = "pixel_level_module.encoder", "pixel_level_module.decoder.fpn"
DECODER = "transformer_module.decoder"
RULES = {
    f"{PYRAMID}.stem.0": "pixel_decoder.stem.conv",
    f"{PYRAMID}.stem.1": "pixel_decoder.stem.norm",
    f"{PYRAMID}.layers.*.proj.0": "pixel_decoder.layers.*.lateral.conv",
    f"{PYRAMID}.layers.*.proj.1": "pixel_decoder.layers.*.lateral.norm",
    f"{PYRAMID}.layers.*.block.0": "pixel_decoder.layers.*.block.conv",
    f"{PYRAMID}.layers.*.block.1": "pixel_decoder.layers.*.block.norm",
    "pixel_level_module.decoder.mask_projection": "pixel_decoder.mask_projection",
    "transformer_module.queries_embedder": "query_embeddings",
    "transformer_module.input_projection": "input_projection",
    f"{DECODER}.layernorm": "decoder.norm",
    **family.layer_names(DECODER, "decoder"),
}
MASK_EMBEDDER = {f"mask_embedder.{step}.0": f"mask_embedder.layers.{step}" for step in range(3)}
OF_HEADS = {**MASK_EMBEDDER, "criterion.empty_weight": "class_weights"}

PIXELS = "pixel_level_module.decoder"
DEFORMABLE = {
    "self_attn.value_proj": "self_attn.v_proj",
    "self_attn.output_proj": "self_attn.o_proj",
}
MASKED = {
    "self_attn.out_proj": "self_attn.o_proj",
    "cross_attn.out_proj": "cross_attn.o_proj",
    "cross_attn_layer_norm": "cross_attn_norm",
}
OF_LAYERS = {
    "self_attn_layer_norm": "self_attn_norm",
    "fc1": "mlp.up_proj",
    "fc2": "mlp.down_proj",
    "final_layer_norm": "mlp_norm",
}


def names_of_layers(hub: str, module: str, parts: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the layers of a stack, with those of its attentions' ``parts``."""
    rules = {f"{hub}.{a}": f"{module}.{b}" for a, b in {**parts, **OF_LAYERS}.items()}
    return {hub: module, **rules}


MASK2FORMER_RULES = {
    f"{PIXELS}.level_embed": "pixel_decoder.level_embeddings",
    f"{PIXELS}.input_projections.*.0": "pixel_decoder.projections.*.conv",
    f"{PIXELS}.input_projections.*.1": "pixel_decoder.projections.*.norm",
    f"{PIXELS}.mask_projection": "pixel_decoder.mask_projection",
    "transformer_module.queries_embedder": "query_embeddings",
    "transformer_module.queries_features": "query_features",
    "transformer_module.input_projections": "input_projections",
    "transformer_module.level_embed": "level_embeddings",
    f"{DECODER}.layernorm": "decoder.norm",
    **{f"{DECODER}.mask_predictor.{a}": f"decoder.{b}" for a, b in MASK_EMBEDDER.items()},
    **names_of_layers(f"{PIXELS}.encoder.layers.*", "pixel_decoder.layers.*", DEFORMABLE),
    **names_of_layers(f"{DECODER}.layers.*", "decoder.layers.*", MASKED),
}
JOINED = {
    f"{DECODER}.layers.*.cross_attn.in_proj_{kind}": tuple(
        f"decoder.layers.*.cross_attn.{side}_proj.{kind}" for side in "qkv"
    )
    for kind in ("weight", "bias")
}


def maskformer_names(config: Any, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(RULES, aliases=family.layer_aliases(DECODER))
    names |= backbone_names(config, "backbone", ENCODER)
    return names.nested(body, body) | WeightNames(OF_HEADS) if body else names


def mask2former_names(config: Any, body: str) -> WeightNames:
    """Return the same of Mask2Former, whose files number the finer maps from 1."""
    rules = dict(MASK2FORMER_RULES)
    for number in range(config.pyramid_levels):
        for hub, own in (("adapter", "lateral"), ("layer", "block")):
            module = f"pixel_decoder.pyramid.{number}.{own}"
            rules[f"{PIXELS}.{hub}_{number + 1}.0"] = f"{module}.conv"
            rules[f"{PIXELS}.{hub}_{number + 1}.1"] = f"{module}.norm"
    names = WeightNames(rules, fused=JOINED) | backbone_names(config, "backbone", ENCODER)
    of_head = WeightNames({"criterion.empty_weight": "class_weights"})
    return names.nested(body, body) | of_head if body else names
