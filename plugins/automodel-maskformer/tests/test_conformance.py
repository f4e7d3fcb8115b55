"""MaskFormer keeps the promises of every architecture."""

from __future__ import annotations

from typing import Any

from automodel_core.testing import Check, architecture_checks

RESNET: dict[str, Any] = {
    "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 16],
    "depths": [1, 1, 1, 1], "out_indices": [1, 2, 3, 4],
}  # fmt: skip
DECODER: dict[str, Any] = {
    "model_type": "detr", "num_queries": 5, "encoder_layers": 1, "encoder_ffn_dim": 16,
    "encoder_attention_heads": 2, "decoder_layers": 2, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "d_model": 32, "dropout": 0.0,
}  # fmt: skip
TINY: dict[str, Any] = {
    "backbone_config": RESNET, "decoder_config": DECODER, "fpn_feature_size": 32,
    "mask_feature_size": 24,
}  # fmt: skip
ALL_LAYERS: dict[str, Any] = {
    **TINY, "use_auxiliary_loss": True, "backbone_config": {**RESNET, "out_indices": [2, 3, 4]},
    "decoder_config": {**DECODER, "d_model": 16, "auxiliary_loss": True}, "num_labels": 1,
}  # fmt: skip


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
