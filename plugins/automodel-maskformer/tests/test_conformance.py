"""MaskFormer keeps the promises of every architecture."""

from __future__ import annotations

from typing import Any

from automodel_core.testing import Check, architecture_checks
from automodel_maskformer import MaskFormerConfig, MaskFormerSwinConfig

TINY: dict[str, Any] = {**MaskFormerConfig.small_model, "mask_feature_size": 24}
ALL_LAYERS: dict[str, Any] = {
    **TINY,
    "use_auxiliary_loss": True,
    "backbone_config": {**TINY["backbone_config"], "out_indices": [2, 3, 4]},
    "decoder_config": {**TINY["decoder_config"], "d_model": 16, "auxiliary_loss": True},
    "num_labels": 1,
}
SWIN: dict[str, Any] = {
    **MaskFormerSwinConfig.small_model,
    "embed_dim": 8,
    "out_features": ["stage1", "stage2"],
}
DIFFERENT = {
    "sizes_are_those_of_the_configuration": "files call the features of pixels hidden_size",
    **{
        f"first_values_are_as_configured-{task}": "most are drawn by the sizes of their layers"
        for task in ("base", "instance-segmentation", "universal-segmentation")
    },
}


@architecture_checks("maskformer", TINY, expected_failures=DIFFERENT)
def test_maskformer(check: Check) -> None:
    check()


@architecture_checks("maskformer", ALL_LAYERS, expected_failures=DIFFERENT)
def test_maskformer_that_learns_in_every_layer(check: Check) -> None:
    check()


@architecture_checks("maskformer-swin", SWIN)
def test_its_swin(check: Check) -> None:
    check()
