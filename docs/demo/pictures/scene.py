"""Draw scenes of several shapes, and say where each is, as annotations of COCO's form do."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from drawing import COLORS, SHAPES, named, paint
from PIL import Image, ImageDraw

__all__ = ["MOST", "SCENE", "Scene", "annotations", "draw_scene", "held_out_scene", "random_scene"]

SCENE = 64
"""The edge of a picture, in pixels."""
MOST = 4
GAP = 2
RADII = (6, 11)


@dataclass(frozen=True)
class Scene:
    """Coloured shapes, each with its box: left, upper, right and lower edge in pixels."""

    things: tuple[tuple[str, str], ...]
    boxes: tuple[tuple[float, float, float, float], ...]


def held_out_scene(things: tuple[tuple[str, str], ...]) -> bool:
    """Return whether scenes of these coloured shapes are kept for the test."""
    return random.Random(", ".join(sorted(map(named, things)))).random() < 0.1


def random_scene(rng: random.Random, wanted: bool, most: int = MOST) -> tuple[tuple[str, str], ...]:
    """Return coloured shapes that are held out, or not, as ``wanted``."""
    while True:
        count = rng.randint(1, most)
        things = tuple((rng.choice(list(COLORS)), rng.choice(SHAPES)) for _ in range(count))
        if held_out_scene(things) == wanted:
            return things


def draw_scene(
    things: tuple[tuple[str, str], ...], rng: random.Random, edge: int = SCENE
) -> tuple[Image.Image, Scene]:
    """Draw shapes that do not touch, with chance in places, sizes, tints and the paper's shade.

    Boxes are those of a picture whose edge is `SCENE`.
    """
    shade = rng.randint(215, 255)
    picture = Image.new("RGB", (4 * SCENE, 4 * SCENE), (shade, shade, rng.randint(215, 255)))
    pen, boxes = ImageDraw.Draw(picture), []
    for thing, (center, radius) in zip(things, _places(len(things), rng), strict=True):
        paint(pen, thing, center, radius, rng)
        outline = Image.new("L", picture.size)
        paint(ImageDraw.Draw(outline), thing, center, radius, rng, ink=255)
        boxes.append(tuple(side / 4 for side in outline.getbbox() or ()))
    small = picture.resize((edge, edge), Image.Resampling.LANCZOS)
    return small, Scene(things, tuple(boxes))


def _places(count: int, rng: random.Random) -> list[tuple[tuple[float, float], float]]:
    """Return a centre and a radius for each shape, so that circles around them do not touch."""
    while True:
        found: list[tuple[tuple[float, float], float]] = []
        for _ in range(20 * count):
            radius = rng.uniform(*RADII)
            edge = 1.2 * radius
            center = (rng.uniform(edge, SCENE - edge), rng.uniform(edge, SCENE - edge))
            if all(
                math.dist(center, other) > 1.2 * (radius + reach) + GAP for other, reach in found
            ):
                found.append((center, radius))
            if len(found) == count:
                return found


def annotations(number: int, scene: Scene) -> dict[str, Any]:
    """Return the objects of a picture in COCO's form: boxes as left, upper, width and height."""
    objects = []
    for (_, shape), (left, upper, right, lower) in zip(scene.things, scene.boxes, strict=True):
        width, height = right - left, lower - upper
        objects.append(
            {
                "category_id": SHAPES.index(shape),
                "bbox": [left, upper, width, height],
                "area": width * height,
                "iscrowd": 0,
            }
        )
    return {"image_id": number, "annotations": objects}
