"""Pictures to ask about."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL import Image

__all__ = ["drawn", "written"]


def drawn(width: int = 33, height: int = 21, mode: str = "RGB", seed: int = 0) -> Any:
    """Return a picture of coarse random squares."""
    chance = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 256, (5 * 7 * 3,), dtype=torch.uint8, generator=chance)
    small = Image.frombytes("RGB", (7, 5), bytes(values.tolist()))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def written(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
