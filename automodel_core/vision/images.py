"""Convert images of any kind to tensors ``(channels, height, width)``.

Integers from 0 to 255 become ``uint8``, all other values ``float32``.
"""

from __future__ import annotations

import ctypes
import io
import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

import torch
from torch import Tensor

from automodel_core.errors import AutomodelError, InputError, MissingExtraError, shown

__all__ = [
    "FIRST",
    "LAST",
    "flatten_images",
    "image_tensor",
    "is_array",
    "picture_of_bytes",
    "picture_values",
    "pillow",
    "pillow_image",
    "pillow_values",
    "read_picture",
    "upright",
]

logger = logging.getLogger(__name__)

FIRST, LAST = "channels_first", "channels_last"
WIDE = {"I": torch.int32, "F": torch.float32, "I;16": torch.uint16}
"""Modes of Pillow with more than eight bits a value."""
SIXTEEN_BITS = 65_535
ORIENTATION = 0x0112
"""The number of the metadata that says how a picture is turned; 1 if it is not."""
WITH_ALPHA = (2, 4)
FORMATS = (
    "AVIF",
    "BMP",
    "DIB",
    "GIF",
    "HEIF",
    "JPEG",
    "JPEG2000",
    "MPO",
    "PNG",
    "PPM",
    "TIFF",
    "WEBP",
)
"""The formats of files that are opened, as far as Pillow has them: pictures, and no documents."""


def pillow() -> Any:
    """Return the module ``PIL.Image``, or raise `MissingExtraError`."""
    try:
        return import_module("PIL.Image")
    except ImportError as error:
        raise MissingExtraError(
            "opening or resizing an image needs Pillow, which is not installed: pip install pillow"
        ) from error


def flatten_images(images: Any) -> list[Any]:
    """Return the single images in an image, a batch, or nested lists of them, in order."""
    if isinstance(images, list | tuple):
        return [single for part in images for single in flatten_images(part)]
    if is_array(images) and images.ndim > 3:
        return [single for part in images for single in flatten_images(part)]
    return [images]


def image_tensor(
    image: Any, *, convert_rgb: bool = False, data_format: str | None = None
) -> Tensor:
    """Convert a Pillow image, an array, a tensor or the file at a path to a tensor.

    A picture is as viewers show it: upright and, with ``convert_rgb``, in colours of eight bits,
    whose transparent pixels are blended with white. ``data_format`` is that of an array or tensor;
    by default it is inferred from the shape. Raises `InputError` for what is no image, for values
    that are no numbers, and for what cannot be shown in RGB.
    """
    if isinstance(image, str | os.PathLike):
        return _of_pillow(read_picture(os.fspath(image), _viewed), convert_rgb=True)
    if _is_pillow(image):
        try:
            return _of_pillow(upright(image), convert_rgb)
        except (OSError, ValueError) as error:  # its file is read now
            raise InputError(f"a picture of mode {image.mode} cannot be read: {error}") from error
    image = _channels_first(picture_values(image), data_format)
    if image.is_floating_point() and not bool(image.isfinite().all()):
        raise InputError("an image has values that are infinite, or no numbers (NaN)")
    if convert_rgb and image.dtype == torch.uint16:
        image = _rounded(image)
    image = _eight_bits(image)
    return _rgb(image) if convert_rgb else image


def picture_values(image: Any) -> Tensor:
    """Return the values of an image as they are: those of a palette are places in it.

    They are in the order of an array or tensor, those of a Pillow image
    ``(height, width, channels)``.
    """
    if _is_pillow(image):
        return pillow_values(upright(image))
    if _is_numpy(image):
        image = torch.from_numpy(image.copy())
    if not isinstance(image, Tensor):
        raise InputError(
            f"an image is a Pillow image, a NumPy array, a torch tensor or the path of a file, got "
            f"{type(image).__name__} {shown(image)}"
        )
    return image.detach()


def pillow_values(image: Any) -> Tensor:
    """Return the values of a Pillow image ``(height, width, channels)``, in any mode."""
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in WIDE and image.mode.startswith("I;16"):
        image = image.convert("I")  # of another byte order
    dtype = WIDE.get(image.mode, torch.uint8)
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=dtype)
    return flat.view(image.height, image.width, -1)


def _is_pillow(image: Any) -> bool:
    module: Any = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def is_array(images: Any) -> bool:
    """Return whether an image, or a batch of them, is an array or a tensor."""
    return isinstance(images, Tensor) or _is_numpy(images)


def _is_numpy(image: Any) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and isinstance(image, numpy.ndarray)


def read_picture(path: str, convert: Callable[[Any], Any]) -> Any:
    """Return what ``convert`` makes of the image in a file, upright, as Pillow reads it."""
    if path.startswith(("http://", "https://", "data:")):
        raise InputError(f"{shown(path)} is not fetched: load the image and pass it")
    if not os.path.isfile(path):
        raise InputError(f"there is no image file {shown(path)}")
    return _read(path, shown(path), convert)


def picture_of_bytes(content: bytes, name: str) -> Tensor:
    """Convert the content of an image file to a tensor in RGB; ``name`` is what errors call it."""
    return _of_pillow(_read(io.BytesIO(content), name, _viewed), convert_rgb=True)


def upright(image: Any) -> Any:
    """Return a Pillow image turned as its metadata says; other images as they are."""
    if not _is_pillow(image) or image.getexif().get(ORIENTATION, 1) == 1:
        return image
    return import_module("PIL.ImageOps").exif_transpose(image)


def pillow_image(pixels: Tensor) -> Any:
    """Return bytes ``(height, width)`` or ``(3, height, width)`` as a Pillow image."""
    layered = pixels if pixels.dim() == 2 else pixels.permute(1, 2, 0)
    values = layered.to(torch.uint8).cpu().contiguous()
    # This reads the tensor's bytes without NumPy.
    content = ctypes.string_at(values.data_ptr(), values.nbytes)
    size = (values.shape[1], values.shape[0])
    return pillow().frombytes("L" if pixels.dim() == 2 else "RGB", size, content)


def _read(source: str | BinaryIO, name: str, convert: Callable[[Any], Any]) -> Any:
    module = pillow()
    module.init()
    formats = [known for known in FORMATS if known in module.OPEN]
    try:
        with module.open(source, formats=formats) as image:
            _check_pixels(image, module.MAX_IMAGE_PIXELS)
            return convert(import_module("PIL.ImageOps").exif_transpose(image))
    except AutomodelError as error:
        raise InputError(f"{name}: {error}") from None
    except Exception as error:  # Pillow's readers raise whatever their parts do
        raise InputError(
            f"{name} is not an image that Pillow reads: {type(error).__name__}: {shown(str(error))}"
        ) from error


def _viewed(image: Any) -> Any:
    """Return an image in RGB, if it has eight bits a value."""
    return image if image.mode.partition(";")[0] in WIDE else _pillow_rgb(image)


def _check_pixels(image: Any, most: int | None) -> None:
    """Raise `InputError` for more pixels than Pillow warns of; without a limit, for none."""
    if most is not None and image.width * image.height > most:
        raise InputError(
            f"a picture of {image.width} x {image.height} pixels, more than the {most} that "
            "PIL.Image.MAX_IMAGE_PIXELS allows: raise that limit if the picture is meant"
        )


def _of_pillow(image: Any, convert_rgb: bool) -> Tensor:
    if not image.width * image.height:
        raise InputError(f"a picture of {image.width} x {image.height} pixels shows nothing")
    if convert_rgb and image.mode.partition(";")[0] not in WIDE:
        image = _pillow_rgb(image)
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    pixels = pillow_values(image).permute(2, 0, 1).contiguous()
    if not convert_rgb or pixels.dtype == torch.uint8:
        return _eight_bits(pixels)
    if pixels.is_floating_point() and pixels.max() > 1:
        pixels = pixels.round().to(torch.int64)
    return _rgb(_eight_bits(_rounded(pixels, is_wide=image.mode.startswith("I;16"))))


def _rounded(pixels: Tensor, *, is_wide: bool = False) -> Tensor:
    """Return integers of sixteen bits as if they had eight, and of eight bits as they are.

    Numbers tell which they are, unless ``is_wide`` says so: dark pictures have small ones. Raises
    `InputError` for those of more bits.
    """
    if pixels.is_floating_point():
        return pixels
    values = pixels.to(torch.int64)
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > SIXTEEN_BITS:
        raise InputError(
            f"values from {lowest} to {highest} are no colours of eight or sixteen bits: scale them"
        )
    if highest <= 255 and not is_wide:
        return pixels
    return (values * 255 + SIXTEEN_BITS // 2) // SIXTEEN_BITS


def _pillow_rgb(image: Any) -> Any:
    if image.mode == "La":  # grey, already multiplied with its transparency
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    white = pillow().new("RGBA", image.size, (255, 255, 255, 255))
    return pillow().alpha_composite(white, image).convert("RGB")


def _channels_first(image: Tensor, data_format: str | None) -> Tensor:
    if image.dim() == 2:
        return image[None]
    if image.dim() != 3 or not image.numel():
        raise InputError(f"an image has two or three dimensions, got shape {tuple(image.shape)}")
    if data_format is None:
        data_format = _inferred(image)
    if data_format not in (FIRST, LAST):
        raise InputError(
            f"input_data_format={shown(data_format)} is not known; it is {FIRST!r} or {LAST!r}"
        )
    return image.permute(2, 0, 1) if data_format == LAST else image


def _inferred(image: Tensor) -> str:
    """Infer the data format: the axis of 1 or 3 channels, else of 2 or 4 (with alpha)."""
    first, _, last = image.shape
    for counts in ((1, 3), WITH_ALPHA):
        if first in counts and last in counts:
            logger.warning(
                "An image of shape %s may have its channels first or last; first is assumed. "
                "input_data_format= says where they are.",
                tuple(image.shape),
            )
        if first in counts or last in counts:
            return FIRST if first in counts else LAST
    raise InputError(
        f"an image of shape {tuple(image.shape)} has its channels neither first nor last: give "
        f"input_data_format={FIRST!r} or {LAST!r}"
    )


def _eight_bits(image: Tensor) -> Tensor:
    if image.dtype == torch.uint8:
        return image
    if image.dtype == torch.bool:
        return image.to(torch.uint8)
    if image.is_floating_point():
        return image.to(torch.float32)
    whole = image.to(torch.int64)
    small = bool(whole.min() >= 0 and whole.max() <= 255)
    return whole.to(torch.uint8 if small else torch.float32)


def _rgb(image: Tensor) -> Tensor:
    """Return three channels; transparent pixels are blended with white."""
    channels = image.shape[0]
    if channels in WITH_ALPHA:
        whole = image.dtype == torch.uint8
        white = 255.0 if whole or image.max() > 1 else 1.0
        alpha = image[-1:].double() / white
        blended = alpha * image[:-1] + (1.0 - alpha) * white
        image = (blended.round() if whole else blended).to(image.dtype)
    return image.expand(3, -1, -1) if image.shape[0] == 1 else image
