"""ResNet keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {"embedding_size": 8, "hidden_sizes": [8, 16, 16], "depths": [1, 2, 1], "image_size": 32}
BASIC = {
    "embedding_size": 6,
    "hidden_sizes": [6, 10],
    "depths": [2, 1],
    "layer_type": "basic",
    "hidden_act": "gelu",
    "downsample_in_first_stage": True,
    "output_stride": 8,
    "image_size": 32,
}


@architecture_checks("resnet", TINY)
def test_resnet(check: Check) -> None:
    check()


@architecture_checks("resnet", BASIC)
def test_resnet_of_basic_layers(check: Check) -> None:
    check()
