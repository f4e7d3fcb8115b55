"""Draw one or two shapes on a small picture, and say what is to be seen."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

__all__ = ["COLORS", "SHAPES", "Drawing", "draw", "held_out", "named", "paint", "random_drawing"]

SIDE = 64
COLORS = {
    "red": (214, 40, 40),
    "green": (46, 150, 70),
    "blue": (40, 80, 200),
    "yellow": (240, 200, 30),
    "purple": (130, 50, 150),
    "orange": (240, 130, 20),
    "black": (20, 20, 20),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")
POSITIONS = ("above", "left of")


@dataclass(frozen=True)
class Drawing:
    """What a picture shows: a coloured shape and, in a position to it, perhaps a second one."""

    first: tuple[str, str]
    position: str = ""
    second: tuple[str, str] | None = None

    @property
    def caption(self) -> str:
        if self.second is None:
            return named(self.first)
        return f"{named(self.first)} {self.position} {named(self.second)}"


def named(what: tuple[str, str]) -> str:
    """Return how a caption names a colour and shape: ``an orange star``."""
    color, shape = what
    return f"{'an' if color[0] in 'aeiou' else 'a'} {color} {shape}"


def held_out(drawing: Drawing) -> bool:
    """Return whether a pair of shapes is kept for the test, in every picture of it."""
    return drawing.second is not None and random.Random(drawing.caption).random() < 0.1


def random_drawing(rng: random.Random, wanted: bool) -> Drawing:
    """Return a drawing that is held out, or not, as ``wanted``."""
    while True:
        first, second = ((rng.choice(list(COLORS)), rng.choice(SHAPES)) for _ in range(2))
        alone = rng.random() < 0.15
        drawing = Drawing(first) if alone else Drawing(first, rng.choice(POSITIONS), second)
        if held_out(drawing) == wanted:
            return drawing


def draw(drawing: Drawing, rng: random.Random) -> Image.Image:
    """Draw with chance in places, sizes, tints and the paper's shade."""
    shade = rng.randint(215, 255)
    picture = Image.new("RGB", (4 * SIDE, 4 * SIDE), (shade, shade, rng.randint(215, 255)))
    pen = ImageDraw.Draw(picture)
    for center, shape in _places(drawing, rng):
        paint(pen, shape, center, rng.uniform(8, 12), rng)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _places(
    drawing: Drawing, rng: random.Random
) -> list[tuple[tuple[float, float], tuple[str, str]]]:
    near, far = rng.uniform(14, 19), rng.uniform(45, 50)
    across = [rng.uniform(22, 42) for _ in range(2)]
    if drawing.second is None:
        return [((rng.uniform(15, 49), rng.uniform(15, 49)), drawing.first)]
    places = [(across[0], near), (across[1], far)]
    if drawing.position == "left of":
        places = [(y, x) for x, y in places]
    return list(zip(places, (drawing.first, drawing.second), strict=True))


def paint(
    pen: ImageDraw.ImageDraw,
    what: tuple[str, str],
    center: tuple[float, float],
    radius: float,
    rng: random.Random,
    ink: int | None = None,
) -> None:
    """Paint a coloured shape, or one in ``ink``, on paper four times as large as the units."""
    color, shape = what
    tint = tuple(min(255, max(0, part + rng.randint(-12, 12))) for part in COLORS[color])
    fill = tint if ink is None else ink
    x, y = (4 * part for part in center)
    size = 4 * radius
    if shape == "circle":
        pen.ellipse((x - size, y - size, x + size, y + size), fill=fill)
    elif shape == "square":
        pen.rectangle((x - 0.85 * size, y - 0.85 * size, x + 0.85 * size, y + 0.85 * size), fill)
    elif shape == "cross":
        pen.rectangle((x - size, y - 0.3 * size, x + size, y + 0.3 * size), fill)
        pen.rectangle((x - 0.3 * size, y - size, x + 0.3 * size, y + size), fill)
    else:
        corners = 3 if shape == "triangle" else 10
        turns = [2 * math.pi * corner / corners for corner in range(corners)]
        radii = [
            1.15 * size if corners == 3 or corner % 2 == 0 else 0.45 * size
            for corner in range(corners)
        ]
        pen.polygon(
            [(x + r * math.sin(t), y - r * math.cos(t)) for r, t in zip(radii, turns, strict=True)],
            fill=fill,
        )
