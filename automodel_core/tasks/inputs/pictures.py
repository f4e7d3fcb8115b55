"""Pictures as calls are given them: files, addresses, base64, Pillow's, arrays and tensors."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.inputs.fetching import fetch, is_address
from automodel_core.vision.images import image_tensor, picture_of_bytes

__all__ = ["is_picture", "picture"]

DATA = "data:"


def picture(source: Any, *, timeout: float | None = None) -> Tensor:
    """Return a picture in RGB ``(3, height, width)``, upright.

    ``source`` is a path, an address (``timeout`` bounds the seconds that it may take), base64,
    bytes of a file, a Pillow image, an array or a tensor. Raises `InputError` for anything else.
    """
    if isinstance(source, bytes | bytearray):
        return picture_of_bytes(bytes(source), "the picture")
    if isinstance(source, str):
        if is_address(source):
            return picture_of_bytes(fetch(source, timeout=timeout), shown(source))
        if source.startswith(DATA) or not os.path.exists(source):
            return _of_base64(source)
    return image_tensor(source, convert_rgb=True)


def is_picture(source: Any) -> bool:
    """Return whether something is one picture, and not several or a dict with one."""
    return not isinstance(source, list | tuple | dict)


def _of_base64(text: str) -> Tensor:
    """Return a picture whose file is written as base64, with or without ``data:...,`` before it."""
    try:
        content = base64.b64decode(
            "".join(text.partition(",")[2].split() if text.startswith(DATA) else text.split()),
            validate=True,
        )
    except (binascii.Error, ValueError):
        raise InputError(
            f"{shown(text, 100)} is no picture: neither a file that is there, nor an address "
            "(http://, https://), nor base64"
        ) from None
    return picture_of_bytes(content, shown(text, 40))
