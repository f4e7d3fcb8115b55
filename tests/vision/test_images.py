"""Images of every kind become the same tensor."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core.errors import InputError
from automodel_core.vision.images import flatten_images, image_tensor

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
EXPECTED = torch.tensor(PIXELS.tolist(), dtype=torch.uint8).permute(2, 0, 1)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(PIXELS),
        PIXELS,
        PIXELS.transpose(2, 0, 1),
        PIXELS[::-1, ::-1][::-1, ::-1],
        PIXELS.astype(np.int64),
        torch.from_numpy(PIXELS),
        EXPECTED,
        EXPECTED.to(torch.int32),
    ],
    ids=["pillow", "last", "first", "turned", "int64", "tensor last", "tensor first", "int32"],
)
def test_one_picture_in_many_kinds(image: Any) -> None:
    found = image_tensor(image)
    assert found.dtype == torch.uint8
    assert torch.equal(found, EXPECTED)


def test_arrays_that_may_not_be_written_are_read() -> None:
    frozen = PIXELS.copy()
    frozen.setflags(write=False)
    assert torch.equal(image_tensor(frozen), EXPECTED)


def test_floats_and_large_numbers_stay_what_they_are() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        found = image_tensor((PIXELS / 255).astype(dtype))
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, EXPECTED / 255, rtol=1e-3, atol=1e-3)
    deep = image_tensor(PIXELS.astype(np.int32) + 300)
    assert deep.dtype == torch.float32
    assert torch.equal(deep, EXPECTED + 300.0)


def test_grey_pictures() -> None:
    grey = PIXELS[..., 0]
    for image in (grey, grey[None], grey[..., None], Image.fromarray(grey)):
        assert torch.equal(image_tensor(image), EXPECTED[:1])
        assert torch.equal(image_tensor(image, convert_rgb=True), EXPECTED[:1].expand(3, -1, -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_pillows_modes(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    if mode in ("1", "P", "PA"):
        kept = {"1": "L", "P": "RGB", "PA": "RGBA"}[mode]
        expected = np.asarray(image.convert(kept))
    else:
        expected = np.asarray(image)
    expected = expected.reshape(5, 7, -1).transpose(2, 0, 1)
    assert image_tensor(image).tolist() == expected.tolist()
    rgb = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    assert image_tensor(image, convert_rgb=True).tolist() == rgb.tolist()


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_more_than_eight_bits(mode: str) -> None:
    kind = {"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]
    numbers = PIXELS[..., 0].astype(kind) * 3
    image = Image.fromarray(numbers)
    assert image.mode == mode
    assert image_tensor(image).tolist() == numbers[None].tolist()


@pytest.mark.parametrize("kind", [np.uint16, np.int32, ">u2"])
def test_sixteen_bits_become_eight_in_rgb(kind: Any, tmp_path: Path) -> None:
    image = Image.fromarray((PIXELS[..., 0].astype(np.int64) * 257).astype(kind))
    image.save(tmp_path / "grey.tif")
    with Image.open(tmp_path / "grey.tif") as opened:
        for each in (image, opened, tmp_path / "grey.tif"):
            found = image_tensor(each, convert_rgb=True)
            assert torch.equal(found, EXPECTED[:1].expand(3, -1, -1))


def test_a_grey_array_of_sixteen_bits_becomes_eight_in_rgb() -> None:
    wide = PIXELS[..., 0].astype(np.uint16) * 257
    expected = EXPECTED[:1].expand(3, -1, -1)
    assert torch.equal(image_tensor(wide, convert_rgb=True), expected)
    few = PIXELS[..., 0].astype(np.uint16)
    assert torch.equal(image_tensor(few, convert_rgb=True), expected)


def test_transparent_pixels_are_laid_on_white() -> None:
    alpha = np.full((5, 7, 1), 255, dtype=np.uint8)
    alpha[0], alpha[1] = 0, 128
    with_alpha = np.concatenate([PIXELS, alpha], axis=-1)
    for image in (Image.fromarray(with_alpha), with_alpha, with_alpha / 255):
        found = image_tensor(image, convert_rgb=True)
        found = found * 255 if found.is_floating_point() else found.float()
        assert torch.allclose(found[:, 2:], EXPECTED[:, 2:].float(), atol=1e-3)
        assert torch.allclose(found[:, 0], torch.tensor(255.0))
        half = (EXPECTED[:, 1].float() * 128 + 255 * 127) / 255
        assert torch.allclose(found[:, 1], half, atol=1.0)


def test_files_are_opened_upright_and_in_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(PIXELS)
    image.save(tmp_path / "plain.png")
    assert torch.equal(image_tensor(tmp_path / "plain.png"), EXPECTED)
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    image.rotate(180).save(tmp_path / "turned.png", exif=exif)
    assert torch.equal(image_tensor(str(tmp_path / "turned.png")), EXPECTED)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for wrong, message in (
        (tmp_path / "text.png", "is not an image that Pillow reads"),
        (tmp_path / "absent.png", "there is no image file"),
        ("https://example.org/a.png", "is not fetched"),
        (b"bytes", "got bytes"),
        (np.zeros((5, 6, 7)), "channels neither first nor last"),
        (np.zeros((3, 0, 6)), "two or three dimensions"),
        (torch.zeros(3), "two or three dimensions"),
    ):
        with pytest.raises(InputError, match=message):
            image_tensor(wrong)
    with pytest.raises(InputError, match="input_data_format='middle'"):
        image_tensor(PIXELS, data_format="middle")


def test_the_caller_says_where_the_channels_are(caplog: pytest.LogCaptureFixture) -> None:
    image = torch.zeros(3, 9, 3)
    with caplog.at_level(logging.WARNING):
        assert image_tensor(image).shape == (3, 9, 3)
    assert "channels first or last" in caplog.text
    assert image_tensor(image, data_format="channels_last").shape == (3, 3, 9)
    assert image_tensor(torch.zeros(2, 9, 5), data_format="channels_first").shape == (2, 9, 5)


def test_batches_and_nested_lists_are_flattened_in_order() -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "png")
    opened = Image.open(stream)
    batch = torch.stack([EXPECTED, EXPECTED + 1])
    found = flatten_images([opened, [PIXELS, batch], (batch.numpy()[None],)])
    assert [image_tensor(image)[0, 0, 0].item() - int(EXPECTED[0, 0, 0]) for image in found] == [
        *(0, 0, 0, 1, 0, 1),
    ]


def test_pictures_over_the_limit_and_documents_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Image.new("L", (40, 30))
    picture.save(tmp_path / "x.png")
    picture.save(tmp_path / "x.eps")
    with pytest.raises(InputError, match=r"x\.eps' is not an image"):
        image_tensor(tmp_path / "x.eps")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match=r"x\.png.*1200 pixels|x\.png.*40 x 30 pixels"):
        image_tensor(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert image_tensor(tmp_path / "x.png").shape == (3, 30, 40)
