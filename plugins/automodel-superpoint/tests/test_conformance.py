"""SuperPoint keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "decoder_hidden_size": 12,
    "encoder_hidden_sizes": [6, 6, 8, 8],
    "descriptor_decoder_dim": 10,
    "border_removal_distance": 2,
}
FEW = {
    **TINY,
    "max_keypoints": 40,
    "nms_radius": 1,
    "border_removal_distance": 0,
    "border_on_all_sides": False,
}


@architecture_checks("superpoint", TINY)
def test_superpoint(check: Check) -> None:
    check()


@architecture_checks("superpoint", FEW)
def test_superpoint_of_few_points(check: Check) -> None:
    check()
