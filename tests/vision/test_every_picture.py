"""Every image processor shows every kind of picture to its model as a viewer does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core import registry
from automodel_core.errors import InputError
from automodel_core.vision import image_tensor
from automodel_core.vision.segmentation import map_tensor

PIXELS = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
GREY = np.repeat(PIXELS[..., :1], 3, axis=2)
ALPHA = np.random.default_rng(4).integers(0, 256, (20, 30, 1), dtype=np.uint8)
ON_WHITE = np.round((PIXELS * (ALPHA / 255.0)) + 255.0 - ALPHA).astype(np.uint8)
HALF = PIXELS // 128 * 255
ORIENTATION = 0x0112


def with_palette(transparency: Any = None) -> Image.Image:
    """Return a picture of four colours, of which the first may be transparent."""
    image = Image.fromarray(PIXELS[..., 0] // 64, mode="L")
    image = image.copy()
    image.putpalette([10, 20, 30, 200, 100, 0, 0, 255, 0, 90, 90, 90])
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


def colours(white: bool = False) -> np.ndarray[Any, Any]:
    first = [255, 255, 255] if white else [10, 20, 30]
    table = np.array([first, [200, 100, 0], [0, 255, 0], [90, 90, 90]], dtype=np.uint8)
    found: np.ndarray[Any, Any] = table[PIXELS[..., 0] // 64]
    return found


def turned() -> Image.Image:
    """Return a picture that a camera took on its side, as its metadata say."""
    image = Image.fromarray(np.rot90(PIXELS))
    image.getexif()[ORIENTATION] = 6
    return image


def sixteen_bits(mode: str) -> Image.Image:
    wide = PIXELS[..., 0].astype(np.int32) * 257
    kind = {"I": np.int32, "I;16": np.uint16, "I;16B": ">u2"}[mode]
    image = Image.fromarray(wide.astype(kind))
    assert image.mode == mode
    return image


PICTURES: dict[str, tuple[Callable[[], Any], np.ndarray[Any, Any]]] = {
    "grey": (lambda: Image.fromarray(GREY[..., 0]), GREY),
    "grey array": (lambda: GREY[..., 0], GREY),
    "black and white": (
        lambda: Image.fromarray(HALF[..., 0]).convert("1", dither=0), HALF[..., [0, 0, 0]]
    ),
    "palette": (with_palette, colours()),
    "palette with a transparent colour": (lambda: with_palette(0), colours(white=True)),
    "palette with transparencies": (
        lambda: with_palette(bytes([0, 255, 255, 255])), colours(white=True)
    ),
    "sixteen bits": (lambda: sixteen_bits("I;16"), GREY),
    "sixteen bits of another order": (lambda: sixteen_bits("I;16B"), GREY),
    "sixteen bits in thirty-two": (lambda: sixteen_bits("I"), GREY),
    "sixteen bits, dark": (
        lambda: Image.fromarray(np.full((20, 30), 200, np.uint16)), np.ones_like(PIXELS)
    ),
    "sixteen bits in colour": (lambda: PIXELS.astype(np.uint16) * 257, PIXELS),
    "grey numbers": (lambda: Image.fromarray(GREY[..., 0].astype(np.float32)), GREY),
    "inks": (
        lambda: Image.merge("CMYK", [*(Image.fromarray(255 - PIXELS[..., i]) for i in range(3)),
                                     Image.new("L", (30, 20), 0)]),
        PIXELS,
    ),
    "transparent": (lambda: Image.fromarray(np.concatenate([PIXELS, ALPHA], 2)), ON_WHITE),
    "transparent array": (lambda: np.concatenate([PIXELS, ALPHA], 2), ON_WHITE),
    "transparent grey": (
        lambda: Image.fromarray(np.concatenate([PIXELS[..., :1], ALPHA], 2)),
        np.round(GREY * (ALPHA / 255.0) + 255.0 - ALPHA).astype(np.uint8),
    ),
    "turned": (turned, PIXELS),
}  # fmt: skip


def processors() -> dict[str, Any]:
    """Return an image processor of each class that a plugin here has."""
    found = {}
    records = (record for record in registry.plugins.records() if record.is_architecture)
    for model_type in (name for record in records for name in record.names):
        for reference in registry.get(model_type).components("image_processor"):
            kind: Any = registry.resolve(reference)
            small = dict.fromkeys(kind().size or (), 24)
            # Models of grey images exist where nothing is normalised.
            colour = {} if kind().do_normalize else {"do_convert_rgb": True}
            found[kind.__name__] = kind(size=small or None, crop_size=16, **colour)
    return found


PROCESSORS = processors()


def pixels_of(processor: Any, picture: Any) -> torch.Tensor:
    found: torch.Tensor = processor(picture, return_tensors="pt")["pixel_values"].float()
    return found


def test_there_are_processors_to_test() -> None:
    assert {"ViTImageProcessor", "CLIPImageProcessor", "DonutImageProcessor"} <= set(PROCESSORS)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("kind", PROCESSORS)
def test_a_picture_is_what_a_viewer_shows(kind: str, name: str) -> None:
    make, shown = PICTURES[name]
    found = pixels_of(PROCESSORS[kind], make())
    expected = pixels_of(PROCESSORS[kind], Image.fromarray(shown))
    # Rounding to eight bits may go either way.
    step = (pixels_of(PROCESSORS[kind], Image.new("RGB", (30, 20), (1, 1, 1)))
            - pixels_of(PROCESSORS[kind], Image.new("RGB", (30, 20)))).abs().max()  # fmt: skip
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1.01 * step


@pytest.mark.parametrize("kind", PROCESSORS)
def test_what_cannot_be_shown_is_refused(kind: str, tmp_path: Path) -> None:
    processor = PROCESSORS[kind]
    broken = np.full((3, 20, 30), 0.5)
    broken[0, 3, 3] = np.nan
    for wrong, message in (
        (broken, "NaN"),
        (np.full((20, 30, 3), np.inf), "infinite"),
        (np.zeros((20, 30, 7)), "channels neither first nor last"),
        (np.zeros(5), "two or three dimensions"),
        (np.zeros((0, 30, 3)), "two or three dimensions"),
        (Image.new("RGB", (0, 5)), "shows nothing"),
    ):
        with pytest.raises(InputError, match=message):
            processor(wrong)


def test_numbers_of_more_than_sixteen_bits_are_no_colours() -> None:
    depths = Image.fromarray(np.arange(600, dtype=np.int32).reshape(20, 30) * 1000)
    with pytest.raises(InputError, match="values from 0 to 599000 are no colours"):
        image_tensor(depths, convert_rgb=True)
    assert image_tensor(depths).max() == 599_000


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "whole.png")
    cut = tmp_path / "cut.png"
    cut.write_bytes((tmp_path / "whole.png").read_bytes()[:400])
    with Image.open(cut) as opened, pytest.raises(InputError, match="cannot be read"):
        image_tensor(opened, convert_rgb=True)


def test_a_picture_and_its_map_are_turned_together() -> None:
    image, classes = turned(), Image.fromarray(np.rot90(PIXELS[..., 0]))
    classes.getexif()[ORIENTATION] = 6
    assert torch.equal(image_tensor(image), image_tensor(PIXELS))
    assert torch.equal(map_tensor(classes)[0], torch.tensor(PIXELS[..., 0]).long())


def test_transparent_numbers_up_to_255_lie_on_white() -> None:
    picture = np.concatenate([PIXELS, ALPHA], 2)
    expected = image_tensor(picture, convert_rgb=True).float()
    found = image_tensor(picture.astype(np.float32), convert_rgb=True)
    assert (found - expected).abs().max() <= 0.5
