"""MaskFormer and Mask2Former keep the promises of every architecture."""

from __future__ import annotations

from typing import Any

from automodel_core.testing import Check, architecture_checks
from automodel_maskformer import Mask2FormerConfig, MaskFormerConfig, MaskFormerSwinConfig

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
TINY_2: dict[str, Any] = Mask2FormerConfig.small_model
NORMED_FIRST: dict[str, Any] = {
    **TINY_2,
    "backbone_config": {
        "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1],
        "out_indices": [0, 1, 2],
    },
    "hidden_dim": 16,
    "common_stride": 8,
    "pre_norm": True,
    "use_auxiliary_loss": False,
    "num_labels": 1,
}  # fmt: skip


@architecture_checks("maskformer", TINY)
def test_maskformer(check: Check) -> None:
    check()


@architecture_checks("maskformer", ALL_LAYERS)
def test_maskformer_that_learns_in_every_layer(check: Check) -> None:
    check()


@architecture_checks("mask2former", TINY_2)
def test_mask2former(check: Check) -> None:
    check()


@architecture_checks("mask2former", NORMED_FIRST)
def test_mask2former_that_normalises_first(check: Check) -> None:
    check()


@architecture_checks("maskformer-swin", SWIN)
def test_its_swin(check: Check) -> None:
    check()
