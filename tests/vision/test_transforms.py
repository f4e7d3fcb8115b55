"""Resizing, cropping, padding, scaling: against Pillow, NumPy and torch's own functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from automodel_core.errors import InputError
from automodel_core.vision.settings import Resampling
from automodel_core.vision.transforms import (
    center_crop,
    normalize,
    output_size,
    pad,
    rescale,
    resize,
)


def drawn(channels: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (channels, height, width), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("resample", list(Resampling))
@pytest.mark.parametrize("size", [(5, 4), (40, 9), (3, 50), (23, 41)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_eight_bits_are_resized_exactly_as_pillow_does(
    channels: int, size: tuple[int, int], resample: int
) -> None:
    image = drawn(channels, 23, 31)
    pixels = image.permute(1, 2, 0).numpy()
    picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    expected = np.asarray(picture.resize(size[::-1], resample)).reshape(*size, channels)
    found = resize(image, size, resample)
    assert found.dtype == torch.uint8
    assert found.permute(1, 2, 0).tolist() == expected.tolist()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(5, 4), (40, 9), (23, 41)])
def test_floats_are_resized_as_torch_does_with_antialias(mode: str, size: tuple[int, int]) -> None:
    image = drawn(3, 23, 31) / 255
    expected = F.interpolate(image[None], size, mode=mode, antialias=True, align_corners=False)[0]
    torch.testing.assert_close(
        resize(image, size, Resampling[mode.upper()]), expected, rtol=1e-5, atol=1e-5
    )


def test_more_channels_than_pillow_knows_are_resized_one_by_one() -> None:
    image = drawn(6, 9, 8)
    expected = torch.cat([resize(channel[None], (4, 5), 2) for channel in image])
    assert torch.equal(resize(image, (4, 5), 2), expected)
    assert resize(image, (9, 8), 2) is image


def test_a_reducing_gap_is_pillows() -> None:
    image = drawn(3, 90, 70)
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    expected = np.asarray(picture.resize((9, 11), Resampling.BICUBIC, reducing_gap=2.0))
    found = resize(image, (11, 9), Resampling.BICUBIC, reducing_gap=2.0)
    assert found.permute(1, 2, 0).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((30, 20), {"height": 5, "width": 7}, (5, 7)),
        ((30, 20), {"shortest_edge": 10}, (15, 10)),
        ((20, 31), {"shortest_edge": 10}, (10, 15)),
        ((30, 20), {"shortest_edge": 10, "longest_edge": 15}, (15, 10)),
        ((40, 20), {"shortest_edge": 10, "longest_edge": 15}, (15, 8)),
        ((20, 40), {"shortest_edge": 20, "longest_edge": 50}, (20, 40)),
        ((30, 20), {"longest_edge": 15}, (15, 10)),
        ((100, 200), {"max_height": 50, "max_width": 50}, (25, 50)),
        ((3, 1000, 3), {"max_height": 50, "max_width": 50}, (50, 1)),
        ((3, 500, 1), {"longest_edge": 10}, (10, 1)),
    ],
)
def test_sizes(shape: tuple[int, ...], size: dict[str, int], expected: tuple[int, int]) -> None:
    assert output_size(shape, size) == expected


@pytest.mark.parametrize("height", [3, 4, 8, 9])
@pytest.mark.parametrize("width", [2, 5, 7, 10])
def test_a_crop_is_the_middle_with_zeros_around(height: int, width: int) -> None:
    image = drawn(2, 7, 6) + 1
    found = center_crop(image, height, width)
    assert found.shape == (2, height, width)
    padded = F.pad(image, (20, 20, 20, 20))
    top, left = 20 + (7 - height) // 2, 20 + (6 - width) // 2
    assert torch.equal(found, padded[:, top : top + height, left : left + width])


def test_padding() -> None:
    image = drawn(1, 2, 2)
    assert pad(image) is image
    found = pad(image, top=1, right=2, value=7)
    assert found.shape == (1, 3, 4)
    assert found[0, 0].tolist() == [7] * 4
    assert torch.equal(found[:, 1:, :2], image)


def test_scaling_and_normalising() -> None:
    image = drawn(3, 4, 5)
    scaled = rescale(image, 1 / 255)
    assert scaled.dtype == torch.float32
    torch.testing.assert_close(scaled, image / 255, rtol=1e-7, atol=0)
    mean, std = [0.1, 0.2, 0.3], (0.5, 0.6, 0.7)
    expected = (scaled.permute(1, 2, 0) - torch.tensor(mean)) / torch.tensor(std)
    torch.testing.assert_close(normalize(scaled, mean, std).permute(1, 2, 0), expected)
    torch.testing.assert_close(normalize(scaled, 0.5, 2), (scaled - 0.5) / 2)
    with pytest.raises(InputError, match="the image 1 channels; do_convert_rgb=True"):
        normalize(scaled[:1], mean, std)
    with pytest.raises(InputError, match="image_std has 2 numbers"):
        normalize(scaled, mean, [1, 2])


def test_a_standard_deviation_of_zero_is_refused() -> None:
    with pytest.raises(InputError, match="image_std"):
        normalize(torch.ones(3, 2, 2), 0.5, [0.5, 0.0, 0.5])
