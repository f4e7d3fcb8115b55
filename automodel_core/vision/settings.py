"""The types of image settings, and the spellings that ``preprocessor_config.json`` has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Annotated, Any

from automodel_core.errors import ConfigurationError, shown
from automodel_core.fields import Range

__all__ = [
    "IMAGENET_DEFAULT_MEAN",
    "IMAGENET_DEFAULT_STD",
    "IMAGENET_STANDARD_MEAN",
    "IMAGENET_STANDARD_STD",
    "MOST_PIXELS",
    "NORMALISERS",
    "OPENAI_CLIP_MEAN",
    "OPENAI_CLIP_STD",
    "ChannelValues",
    "Resample",
    "Resampling",
    "Size",
    "fixed_size",
    "resample_number",
    "shortest_edge",
    "size_dict",
]

Size = dict[str, int] | None
ChannelValues = float | list[float] | None
"""One value for all channels, or one per channel."""
Resample = Annotated[int, Range(minimum=0, maximum=5)]

IMAGENET_DEFAULT_MEAN: ChannelValues = [0.485, 0.456, 0.406]
IMAGENET_DEFAULT_STD: ChannelValues = [0.229, 0.224, 0.225]
"""Mean and deviation of ImageNet's pictures, in values from 0 to 1."""

IMAGENET_STANDARD_MEAN: ChannelValues = [0.5, 0.5, 0.5]
IMAGENET_STANDARD_STD: ChannelValues = [0.5, 0.5, 0.5]
"""With this mean and deviation, values from 0 to 1 are scaled to -1 to 1."""

OPENAI_CLIP_MEAN: ChannelValues = [0.48145466, 0.4578275, 0.40821073]
OPENAI_CLIP_STD: ChannelValues = [0.26862954, 0.26130258, 0.27577711]
"""Mean and deviation of red, green and blue in the pictures of CLIP."""

MOST_PIXELS = 89_478_485
"""Of one picture: as many as Pillow opens without a warning."""

SIZES = (
    {"height", "width"},
    {"shortest_edge"},
    {"shortest_edge", "longest_edge"},
    {"longest_edge"},
    {"max_height", "max_width"},
)


class Resampling(IntEnum):
    """Pillow's filters by the numbers that files hold."""

    NEAREST = 0
    LANCZOS = 1
    BILINEAR = 2
    BICUBIC = 3
    BOX = 4
    HAMMING = 5


def fixed_size(height: int, width: int | None = None) -> Size:
    """Return the size that resizes to ``height`` and ``width``, by default a square."""
    return {"height": height, "width": height if width is None else width}


def shortest_edge(length: int, longest: int | None = None) -> Size:
    """Return the size that resizes the short edge, and the long one with it up to ``longest``."""
    size = {"shortest_edge": length}
    return size if longest is None else {**size, "longest_edge": longest}


def size_dict(value: Any, name: str = "size", *, square: bool = True) -> Any:
    """Return a size as a table such as ``{"height": 224, "width": 224}``; ``None`` stays.

    One number is both height and width or, if not ``square``, the shortest edge. Two are height
    and width.
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = {"height": value, "width": value} if square else {"shortest_edge": value}
    elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        value = {"height": value[0], "width": value[1]}
    # Some files list every possible key, most of them null.
    table = (
        {key: edge for key, edge in dict(value).items() if edge is not None}
        if isinstance(value, Mapping)
        else {}
    )
    positive = all(type(edge) is int and edge > 0 for edge in table.values())
    if positive and table.get("height", 1) * table.get("width", 1) > MOST_PIXELS:
        raise ConfigurationError(
            f"{name}={shown(value)} cannot be used: pictures of more than {MOST_PIXELS} pixels are "
            "not made"
        )
    if set(table) not in SIZES or not positive:
        allowed = ", or ".join(" and ".join(sorted(keys)) for keys in SIZES)
        raise ConfigurationError(
            f"{name}={shown(value)} cannot be used: expected a positive int, two of them, or a "
            f"table of {allowed}"
        )
    return table


def resample_number(value: Any) -> Any:
    """Return a filter, given by Pillow's or torchvision's name or number, as Pillow's number."""
    spelled = getattr(value, "value", value)
    if isinstance(spelled, str):
        name = spelled.upper().replace("NEAREST-EXACT", "NEAREST")
        if name not in Resampling.__members__:
            raise ConfigurationError(
                f"resample={shown(value)} is not known; it is one of "
                f"{', '.join(member.lower() for member in Resampling.__members__)}"
            )
        return int(Resampling[name])
    return int(spelled) if isinstance(spelled, int) and not isinstance(spelled, bool) else value


def _numbers(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


NORMALISERS: Mapping[str, Callable[[Any], Any]] = {
    "resample": resample_number,
    "image_mean": _numbers,
    "image_std": _numbers,
}
"""Settings other than sizes that have several spellings, and their normalisers."""
