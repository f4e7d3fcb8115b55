"""Faults of models that say something of each place: classes of pixels, depths, points, videos."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from automodel_segformer import depth, modeling as segformer
from automodel_superpoint import modeling as superpoint
from automodel_videomae import modeling as videomae, pretraining
from support.seeded_faults.seed import after_forward, around, seen


@seen("segformer", "loss_is_that_of_the_pixels_scores-semantic-segmentation")
def ignored_pixels_count(patch: pytest.MonkeyPatch) -> None:
    """Pixels without a class count as the first one."""

    def loss(original: Any, logits: Tensor, labels: Tensor, ignored: int) -> Tensor:
        counted: Tensor = original(logits, labels.masked_fill(labels == ignored, 0), ignored)
        return counted

    around(patch, segformer.modeling, "pixel_class_loss", loss)


@seen("segformer", "sizes_are_those_of_the_configuration")
def the_last_map_is_kept_back(patch: pytest.MonkeyPatch) -> None:
    """hidden_states lack the map of the last stage."""

    def change(output: Any, **_: Any) -> None:
        if output.hidden_states is not None:
            output.hidden_states = output.hidden_states[:-1]

    after_forward(patch, segformer.SegformerModel, change)


@seen("glpn", "depths_lie_over_the_picture-depth-estimation")
def depths_have_a_channel(patch: pytest.MonkeyPatch) -> None:
    """Depths keep the channel that convolutions have."""

    def change(output: Any, **_: Any) -> None:
        output.predicted_depth = output.predicted_depth[:, None]

    after_forward(patch, depth.GLPNForDepthEstimation, change)


@seen("videomae", "rows_do_not_meet-pretraining")
def videos_share_a_mask(patch: pytest.MonkeyPatch) -> None:
    """The tubelets that the last video hides are hidden of all."""

    def checked(original: Any, mask: Tensor, tokens: Tensor) -> Tensor:
        same: Tensor = original(mask[-1:].expand_as(mask), tokens)
        return same

    for module in (videomae, pretraining):
        around(patch, module, "checked_mask", checked)


@seen("superpoint", "points_are_x_and_y-keypoint-detection")
def points_are_rows_and_columns(patch: pytest.MonkeyPatch) -> None:
    """Points are y and x."""

    def change(output: Any, **_: Any) -> None:
        output.keypoints = output.keypoints.flip(-1)

    after_forward(patch, superpoint.SuperPointForKeypointDetection, change)


@seen("superpoint", "points_lie_in_the_image-keypoint-detection")
def points_are_pixels(patch: pytest.MonkeyPatch) -> None:
    """Points are counted in pixels."""

    def change(output: Any, **_: Any) -> None:
        output.keypoints = output.keypoints * 64

    after_forward(patch, superpoint.SuperPointForKeypointDetection, change)
