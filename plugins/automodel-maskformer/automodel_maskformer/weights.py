"""The hub's names of MaskFormer's weights, and the modules that hold them."""

from __future__ import annotations

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
OF_HEADS = {
    **{f"mask_embedder.{step}.0": f"mask_embedder.layers.{step}" for step in range(3)},
    "criterion.empty_weight": "class_weights",
}


def maskformer_names(config: Any, body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(RULES, aliases=family.layer_aliases(DECODER))
    names |= backbone_names(config, "backbone", ENCODER)
    return names.nested(body, body) | WeightNames(OF_HEADS) if body else names
