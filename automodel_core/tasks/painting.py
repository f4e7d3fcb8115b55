"""Paint answers into pictures: captions, depths, segments, objects and points."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from automodel_core.vision.images import pillow_image

__all__ = ["below", "boxed", "coloured", "dotted", "masked", "overlaid", "shown"]

MARGIN = 4
INK = (20, 20, 20)
PAPER = (255, 255, 255)
DEPTHS = torch.tensor(
    [[13, 8, 60], [90, 20, 110], [187, 55, 84], [249, 142, 9], [252, 255, 164]]
).float()
"""Colours from the least depth to the greatest."""
COVER = 0.55
"""How much of a segment's colour covers the picture."""
GOLDEN = 0.618034


def colour(number: int) -> tuple[int, int, int]:
    """Return a colour that differs from those of the numbers around it."""
    parts = colorsys.hsv_to_rgb(number * GOLDEN % 1.0, 0.75, 0.95)
    red, green, blue = (round(255 * part) for part in parts)
    return red, green, blue


def below(image: Any, lines: Sequence[str], inks: Sequence[Any] = ()) -> Any:
    """Return a picture with lines of text below it, wrapped to its width.

    Before a line that has one of the ``inks`` stands a square of that colour.
    """
    font = import_module("PIL.ImageFont").load_default()
    _, top, _, bottom = font.getbbox("Ag")
    height = bottom - top + MARGIN
    edge = bottom - top
    wrapped: list[tuple[str, Any]] = []
    indent = edge + MARGIN if inks else 0
    for number, line in enumerate(lines):
        parts = _wrapped(line, image.width - 2 * MARGIN - indent, font)
        squares = [*inks[number : number + 1], *[None] * len(parts)]
        wrapped += list(zip(parts, squares, strict=False))
    size = (image.width, image.height + height * len(wrapped) + MARGIN)
    result = import_module("PIL.Image").new("RGB", size, PAPER)
    result.paste(image, (0, 0))
    draw = import_module("PIL.ImageDraw").Draw(result)
    for number, (line, ink) in enumerate(wrapped):
        left, upper = MARGIN, image.height + number * height
        if ink is not None:
            draw.rectangle((left, upper + top, left + edge, upper + bottom), fill=ink)
        draw.text((left + indent, upper), line, fill=INK, font=font)
    return result


def _wrapped(line: str, width: int, font: Any) -> list[str]:
    """Return a line in parts that are no wider than a picture, broken between words."""
    parts: list[str] = []
    for word in line.split():
        longer = f"{parts[-1]} {word}" if parts else word
        if parts and font.getlength(longer) <= width:
            parts[-1] = longer
        else:
            parts.append(word)
    return parts


def coloured(depth: Any) -> Any:
    """Return a grey picture of depths in colours, from dark to bright."""
    values = torch.frombuffer(bytearray(depth.tobytes()), dtype=torch.uint8).float()
    places = values / 255 * (len(DEPTHS) - 1)
    lower = places.floor().long().clamp(max=len(DEPTHS) - 2)
    share = (places - lower)[:, None]
    mixed = DEPTHS[lower] * (1 - share) + DEPTHS[lower + 1] * share
    return pillow_image(mixed.view(depth.height, depth.width, 3).permute(2, 0, 1).round())


def overlaid(image: Any, segments: Sequence[Mapping[str, Any]]) -> Any:
    """Return a picture with each segment in a colour of its own, and their labels below it.

    Edges have the whole of the colour, so that segments beside and over each other are told apart.
    """
    result = image.copy()
    inks = [colour(number) for number in range(len(segments))]
    smaller = import_module("PIL.ImageFilter").MinFilter(3)
    for segment, ink in zip(segments, inks, strict=True):
        cover = import_module("PIL.Image").new("RGB", image.size, ink)
        inside = segment["mask"].filter(smaller).point(lambda value: int(value * (1 - COVER)))
        mask = import_module("PIL.ImageChops").subtract(segment["mask"], inside)
        result.paste(cover, (0, 0), mask)
    return below(result, [_told(segment) for segment in segments], inks)


def masked(image: Any, masks: Sequence[Tensor], scores: Tensor) -> Any:
    """Return a picture with masks ``(height, width)`` in colours of their own, with their edges.

    The smallest lie above; a line below the picture says how many there are.
    """
    result = image.convert("RGB")
    order = sorted(range(len(masks)), key=lambda number: -int(masks[number].sum()))
    for number in order:
        edge = masks[number] & ~_inner(masks[number], max(1, min(image.size) // 200))
        for part, share in ((masks[number], COVER), (edge, 1.0)):
            cover = import_module("PIL.Image").new("RGB", image.size, colour(number))
            result.paste(cover, (0, 0), pillow_image(part * round(255 * share)))
    count = "1 mask" if len(masks) == 1 else f"{len(masks)} masks"
    sure = f", scores {float(scores.min()):.2f} to {float(scores.max()):.2f}" if len(masks) else ""
    return below(result, [count + sure])


def _inner(mask: Tensor, width: int) -> Tensor:
    """Return what is left of a mask without its edge."""
    outside = torch.nn.functional.pad((~mask).float()[None], [width] * 4, value=1.0)
    near: Tensor = torch.nn.functional.max_pool2d(outside, 2 * width + 1, stride=1)[0]
    return near == 0


def boxed(image: Any, objects: Sequence[Mapping[str, Any]]) -> Any:
    """Return a picture with a frame around each object, and their labels below it."""
    result = image.copy()
    draw = import_module("PIL.ImageDraw").Draw(result)
    inks = [colour(number) for number in range(len(objects))]
    width = max(1, min(image.size) // 150)
    for one, ink in zip(objects, inks, strict=True):
        edges = one["box"]
        left, right = sorted((edges["xmin"], edges["xmax"]))
        upper, lower = sorted((edges["ymin"], edges["ymax"]))
        draw.rectangle((left, upper, right, lower), outline=ink, width=width)
    return below(result, [_told(one) for one in objects], inks)


def _told(one: Mapping[str, Any]) -> str:
    label, score = one["label"], one["score"]
    return str(label) if score is None else f"{label} {score:.2f}"


def dotted(image: Any, points: Sequence[Mapping[str, Any]]) -> Any:
    """Return a picture with a ring around each point, the surest in the brightest colour."""
    result = image.copy()
    draw = import_module("PIL.ImageDraw").Draw(result)
    radius = max(1, min(image.size) // 100)
    for point in reversed(points):
        x, y = point["x"], point["y"]
        shade = round(255 * min(1.0, max(0.0, point["score"])))
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, outline=(255, shade, 0))
    return result


def shown(pixels: Tensor) -> Any:
    """Return a picture ``(3, height, width)`` as Pillow's."""
    return pillow_image(pixels if pixels.dtype == torch.uint8 else pixels.clamp(0, 255))
