"""Image transforms on tensors ``(channels, height, width)``."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.vision.images import pillow
from automodel_core.vision.settings import MOST_PIXELS

__all__ = ["center_crop", "normalize", "output_size", "pad", "rescale", "resize"]

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's modes for images of eight bits, by the number of channels."""


def output_size(shape: Sequence[int], size: Mapping[str, int]) -> tuple[int, int]:
    """Return the height and width that ``size`` specifies; single edges keep the aspect ratio.

    The last two numbers of ``shape`` are the image's own height and width.
    ``size`` is ``height`` and ``width``, ``shortest_edge`` with or without ``longest_edge`` (its
    upper bound), ``longest_edge`` alone, or ``max_height`` and ``max_width``. Raises `InputError`
    for more than `MOST_PIXELS`.
    """
    height, width = _specified(shape, size)
    if height * width > MOST_PIXELS:
        raise InputError(
            f"size={dict(size)} makes {height} x {width} pixels of an image of {shape[-2]} x "
            f"{shape[-1]}, more than the {MOST_PIXELS} that are made"
        )
    return height, width


def _specified(shape: Sequence[int], size: Mapping[str, int]) -> tuple[int, int]:
    height, width = shape[-2:]
    if "height" in size:
        return size["height"], size["width"]
    if "max_height" in size:
        return _within(height, width, size["max_height"], size["max_width"])
    if "shortest_edge" not in size:
        return _within(height, width, size["longest_edge"], size["longest_edge"])
    short, long = min(height, width), max(height, width)
    new_short: float = size["shortest_edge"]
    bound = size.get("longest_edge")
    if bound is not None and long / short * new_short > bound:
        new_short = bound * short / long
    if round(new_short) == short:
        return height, width
    new_short, new_long = round(new_short), int(new_short * long / short)
    return (new_short, new_long) if height <= width else (new_long, new_short)


def _within(height: int, width: int, max_height: int, max_width: int) -> tuple[int, int]:
    scale = min(max_height / height, max_width / width)
    return max(1, int(height * scale)), max(1, int(width * scale))


def resize(
    image: Tensor, size: tuple[int, int], resample: int, reducing_gap: float | None = None
) -> Tensor:
    """Resize an image by one of Pillow's antialiasing filters.

    ``uint8`` gives exactly Pillow's values; floats are filtered without rounding.
    ``reducing_gap`` lets Pillow average whole blocks first when it shrinks an image a lot.
    """
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    mode = MODES.get(image.shape[0]) if image.dtype == torch.uint8 else None
    groups = [image] if mode is not None else list(image.split(1))
    mode = mode or ("L" if image.dtype == torch.uint8 else "F")
    resized = [_resized(group, mode, size, resample, reducing_gap) for group in groups]
    return torch.cat(resized).to(image.device)


def _resized(
    image: Tensor, mode: str, size: tuple[int, int], resample: int, reducing_gap: float | None
) -> Tensor:
    _, height, width = image.shape
    pixels = image.cpu().permute(1, 2, 0).contiguous()
    # This reads the tensor's bytes without NumPy.
    content = ctypes.string_at(pixels.data_ptr(), pixels.nbytes)
    picture: Any = pillow().frombytes(mode, (width, height), content)
    picture = picture.resize(size[::-1], resample, reducing_gap=reducing_gap)
    flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=image.dtype)
    return flat.view(*size, -1).permute(2, 0, 1)


def center_crop(image: Tensor, height: int, width: int) -> Tensor:
    """Crop the middle of an image; one that is too small is padded with zeros."""
    bounds = []
    for have, want in zip(image.shape[-2:], (height, width), strict=True):
        before = math.ceil(max(want - have, 0) / 2)
        start = (have - want) // 2 + before
        bounds.append((before, max(want - have - before, 0), slice(start, start + want)))
    (top, bottom, rows), (left, right, columns) = bounds
    return pad(image, top=top, bottom=bottom, left=left, right=right)[..., rows, columns]


def pad(
    image: Tensor,
    *,
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
    value: float = 0,
    mode: str = "constant",
) -> Tensor:
    """Pad an image with a constant, or with its own pixels.

    ``"replicate"`` repeats the edge, ``"symmetric"`` mirrors the image with its edge and
    ``"reflect"`` without; an image may be padded by more than its size. Raises `InputError` for
    another mode.
    """
    if not any((top, bottom, left, right)):
        return image
    if mode == "constant":
        return F.pad(image, (left, right, top, bottom), value=value)
    if mode not in PLACES:
        raise InputError(f"mode={shown(mode)} is not one of constant, {', '.join(PLACES)}")
    rows, columns = (
        PLACES[mode](torch.arange(-before, length + after, device=image.device), length)
        for length, before, after in (
            (image.shape[-2], top, bottom),
            (image.shape[-1], left, right),
        )
    )
    return image[..., rows[:, None], columns]


def _replicated(places: Tensor, length: int) -> Tensor:
    return places.clamp(0, length - 1)


def _symmetric(places: Tensor, length: int) -> Tensor:
    turned = places % (2 * length)
    return torch.minimum(turned, 2 * length - 1 - turned)


def _reflected(places: Tensor, length: int) -> Tensor:
    period = max(2 * length - 2, 1)
    turned = places % period
    return torch.minimum(turned, period - turned) if length > 1 else torch.zeros_like(places)


PLACES: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "replicate": _replicated,
    "symmetric": _symmetric,
    "reflect": _reflected,
}
"""Which pixel of an edge of some length stands at each place, those beyond both ends too."""


def rescale(image: Tensor, factor: float) -> Tensor:
    """Multiply an image by a number, as ``float32``."""
    return (image.double() * float(factor)).float()


def normalize(image: Tensor, mean: float | Sequence[float], std: float | Sequence[float]) -> Tensor:
    """Subtract ``mean`` and divide by ``std``, each one value or one per channel."""
    channels = image.shape[0]
    by_channel = []
    for name, given in (("image_mean", mean), ("image_std", std)):
        numbers = list(given) if isinstance(given, Sequence) else [given] * channels
        if len(numbers) != channels:
            advice = "; do_convert_rgb=True makes it three" if len(numbers) == 3 else ""
            raise InputError(
                f"{name} has {len(numbers)} numbers and the image {channels} channels{advice}"
            )
        if name == "image_std" and 0 in numbers:
            raise InputError(f"image_std={numbers}: an image cannot be divided by 0")
        tensor = torch.tensor(numbers, dtype=torch.float32, device=image.device)
        by_channel.append(tensor.view(-1, 1, 1))
    return (image.float() - by_channel[0]) / by_channel[1]
