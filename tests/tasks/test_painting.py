"""Answers are painted where they belong."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.tasks import painting

Image: Any = pytest.importorskip("PIL.Image")


def test_texts_are_wrapped_below_a_picture() -> None:
    before = Image.new("RGB", (80, 20), (1, 2, 3))
    one = painting.below(before, ["a"])
    assert one.crop((0, 0, 80, 20)).tobytes() == before.tobytes()
    assert painting.below(before, ["many words that need more than a line"]).height > one.height


def test_depths_go_from_dark_to_bright() -> None:
    depth = Image.new("L", (3, 1))
    depth.putdata([0, 128, 255])
    shades = [sum(painting.coloured(depth).getpixel((x, 0))) for x in range(3)]
    assert shades == sorted(shades)
    assert painting.coloured(depth).getpixel((2, 0)) == (252, 255, 164)


def test_segments_have_colours_of_their_own() -> None:
    before = Image.new("RGB", (60, 10))
    left, right = Image.new("L", (60, 10)), Image.new("L", (60, 10))
    left.paste(255, (0, 0, 20, 10))
    right.paste(255, (40, 0, 60, 10))
    segments = [
        {"label": "left", "score": None, "mask": left},
        {"label": "right", "score": 0.5, "mask": right},
    ]
    after = painting.overlaid(before, segments)
    colours = [after.getpixel((x, 5)) for x in (5, 30, 50)]
    assert len(set(colours)) == 3
    assert colours[1] == (0, 0, 0)


def test_objects_are_framed() -> None:
    before = Image.new("RGB", (60, 40))
    box = {"xmin": 5, "ymin": 8, "xmax": 30, "ymax": 20}
    after = painting.boxed(before, [{"label": "cup", "score": 0.8, "box": box}])
    assert after.height > before.height
    inside = after.crop((6, 9, 30, 20))
    assert inside.tobytes() == before.crop((6, 9, 30, 20)).tobytes()
    assert all(after.getpixel((x, 8)) != (0, 0, 0) for x in range(5, 31))


def test_points_are_ringed() -> None:
    before = Image.new("RGB", (20, 20))
    after = painting.dotted(before, [{"x": 10.0, "y": 5.0, "score": 0.9}])
    assert after.tobytes() != before.tobytes()
    assert after.crop((0, 10, 20, 20)).tobytes() == before.crop((0, 10, 20, 20)).tobytes()


def test_masks_have_edges_and_the_smallest_lie_above() -> None:
    before = Image.new("RGB", (40, 30))
    large, small = torch.zeros(30, 40, dtype=torch.bool), torch.zeros(30, 40, dtype=torch.bool)
    large[2:28, 2:38], small[10:20, 10:20] = True, True
    after = painting.masked(before, [small, large], torch.tensor([0.9, 0.8]))
    assert after.height > before.height
    outside, edge, inside, within = (
        after.getpixel(place) for place in ((0, 0), (2, 2), (5, 5), (15, 15))
    )
    assert outside == (0, 0, 0)
    assert sum(edge) > sum(inside) > 0
    assert within not in (inside, outside)
    assert painting.masked(before, [], torch.zeros(0)).height > before.height
