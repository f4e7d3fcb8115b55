"""Checks of models that find points in images."""

from __future__ import annotations

from typing import Any

import torch

from automodel_core.testing.architectures.properties.learning import finds_points
from automodel_core.testing.case import KEYPOINTS, Subject, outputs
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["KEYPOINT_CHECKS"]

SHIFT = 16
"""Pixels, a multiple of what convolutions with strides count in."""


def points_lie_in_the_image(subject: Subject) -> None:
    """Points are relative to width and height; what pads them is zero and masked."""
    model: Any = subject.model()
    found = outputs(model, subject.example(model.config))
    points, real = found[KEYPOINTS], found["mask"].bool()
    require(points.shape == (*real.shape, 2), f"keypoints are {tuple(points.shape)}")
    require(real.any(), "no point is found")
    inside = (points[real] >= 0) & (points[real] <= 1)
    require(inside.all(), "a point lies outside of the image")
    for name, value in found.items():
        require(not value[~real].any(), f"{name} of padding is not zero")


def points_are_x_and_y(subject: Subject) -> None:
    """A picture that is moved to the right moves its points in x, and leaves their y."""
    model: Any = subject.model()
    pixels = subject.example(model.config)["pixel_values"][:1]
    height, width = pixels.shape[-2:]
    # Beside a mirrored part, so that nothing new begins at the seam.
    wider = torch.cat([pixels[..., :SHIFT].flip(-1), pixels], dim=-1)
    before, after = (set(map(tuple, in_pixels(model, each).tolist())) for each in (pixels, wider))
    inner = {(x, y) for x, y in before if SHIFT <= x < width - SHIFT}
    moved = {(x + SHIFT, y) for x, y in inner}
    require(inner, "no point is found in the middle")
    share = len(moved & after) / len(moved)
    require(share > 0.5, f"{share:.0%} of the points move with a picture of {height} x {width}")


def in_pixels(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the points of one image in pixels, ``(points, 2)``."""
    found = outputs(model, {"pixel_values": pixels})
    size = torch.tensor([pixels.shape[-1], pixels.shape[-2]])
    return (found[KEYPOINTS][0][found["mask"][0].bool()] * size).round().long()


def images_without_points_give_none(subject: Subject) -> None:
    """A batch in which nothing is found is legal, and of width 0."""
    model: Any = subject.model(keypoint_threshold=1.0)
    found = outputs(model, subject.example(model.config))
    require(found[KEYPOINTS].shape[1:] == (0, 2), f"points are {tuple(found[KEYPOINTS].shape)}")
    require_close(found["mask"].sum(), torch.tensor(0), "points")


KEYPOINT_CHECKS = (
    Rule(points_lie_in_the_image, finds_points),
    Rule(points_are_x_and_y, finds_points),
    Rule(images_without_points_give_none, finds_points),
)
