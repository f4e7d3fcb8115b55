"""The hub's names of the weights of DETR and Table Transformer, and those of timm's ResNets."""

from __future__ import annotations

from typing import Any

import automodel_core.families.detr as family
from automodel_core.checkpoint import WeightNames
from automodel_core.modeling import backbone_names

BACKBONE = "backbone.conv_encoder.model"
SIDES = ("encoder", "decoder")
LAYERS = {hub: module for side in SIDES for hub, module in family.layer_names(side, side).items()}
IN_MEMORY = {
    **{newer: hub for side in SIDES for newer, hub in family.layer_aliases(side).items()},
    "backbone.model": BACKBONE,
}
"""Names that newer or older models of the reference have in memory."""
TIMM = {
    "conv1": "embedder.embedder.convolution",
    "bn1": "embedder.embedder.normalization",
    **{
        f"layer{stage + 1}.*.{timm}": f"encoder.stages.{stage}.layers.*.{hub}"
        for stage in range(4)
        for timm, hub in {
            **{f"conv{step + 1}": f"layer.{step}.convolution" for step in range(3)},
            **{f"bn{step + 1}": f"layer.{step}.normalization" for step in range(3)},
            "downsample.0": "shortcut.convolution",
            "downsample.1": "shortcut.normalization",
        }.items()
    },
}
"""timm's names of a ResNet's weights, which most checkpoints on the hub have."""
COUNTED = (
    "embedder.embedder.normalization",
    "encoder.stages.*.layers.*.layer.*.normalization",
    "encoder.stages.*.layers.*.shortcut.normalization",
)
MASKS_IN_MEMORY = {
    **{f"bbox_attention.{x}_proj": f"bbox_attention.{x}_linear" for x in "qk"},
    **{
        f"mask_head.{newer}": f"mask_head.{hub}"
        for newer, hub in {
            "conv1.conv": "lay1",
            "conv1.norm": "gn1",
            "conv2.conv": "lay2",
            "conv2.norm": "gn2",
            **{f"fpn_stages.{step}.fpn_adapter": f"adapter{step + 1}" for step in range(3)},
            **{f"fpn_stages.{step}.refine.conv": f"lay{step + 3}" for step in range(3)},
            **{f"fpn_stages.{step}.refine.norm": f"gn{step + 3}" for step in range(3)},
            "output_conv": "out_lay",
        }.items()
    },
}
MASK_RULES = {
    **{f"bbox_attention.{x}_linear": f"bbox_attention.{x}_proj" for x in "qk"},
    **{f"mask_head.lay{step + 1}": f"mask_head.convs.{step}" for step in range(5)},
    **{f"mask_head.gn{step + 1}": f"mask_head.norms.{step}" for step in range(5)},
    **{f"mask_head.adapter{step + 1}": f"mask_head.adapters.{step}" for step in range(3)},
    "mask_head.out_lay": "mask_head.last",
}

OF_DETECTORS = {
    name: f"detr.{name}" for name in ("model", "class_labels_classifier", "bbox_predictor")
}
"""Names in the files of detectors, which a model of masks may begin with."""
OF_MASKS = {inside: name for name, inside in OF_DETECTORS.items()}
"""Names in the files of models of masks, which hold a detector."""
POSITIONS, OLD_POSITIONS = "position_embedding", "backbone.position_embedding"
OLD_AND_NEW = {POSITIONS, OLD_POSITIONS}
BODY = ("backbone", "input_projection", "query_position_embeddings", "encoder", "decoder")


def detr_names(config: Any, body: str, positions: str = POSITIONS) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    ``positions`` is where files hold learned positions.
    """
    of_timm = {
        f"{prefix}.{timm}": f"{BACKBONE}.{hub}"
        for prefix in (BACKBONE, "backbone.model")
        for timm, hub in TIMM.items()
    }
    names = WeightNames(
        {
            **LAYERS,
            "encoder.layernorm": "encoder.norm",
            "decoder.layernorm": "decoder.norm",
            positions: POSITIONS,
        },
        aliases={**IN_MEMORY, **of_timm, **dict.fromkeys(OLD_AND_NEW - {positions}, positions)},
        ignored=[f"{BACKBONE}.{norm}.num_batches_tracked" for norm in COUNTED],
    ) | backbone_names(config, "backbone", BACKBONE)
    if body:
        return names.nested(body, body) | WeightNames(foreign=OF_MASKS)
    of_masks = {f"detr.model.{part}": part for part in (*BODY, positions)}
    of_masks |= {f"detr.model.{timm}": hub for timm, hub in of_timm.items()}
    return names | WeightNames(foreign=of_masks)


def segmentation_names(config: Any) -> WeightNames:
    """Return the names of a model of masks, which holds a detector."""
    masks = WeightNames(MASK_RULES, aliases=MASKS_IN_MEMORY, foreign=OF_DETECTORS)
    return detr_names(config, "model").nested("detr", "detr") | masks
