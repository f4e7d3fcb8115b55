"""Images are padded by a constant or by their own pixels, and masks say where they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.vision import MaskedImageProcessor, pad, pixel_mask

IMAGE = torch.arange(24).view(2, 3, 4)


@pytest.mark.parametrize("mode", ["symmetric", "reflect", "replicate"])
@pytest.mark.parametrize("edges", [(1, 2, 3, 1), (0, 7, 9, 0), (5, 5, 5, 5)])
def test_an_image_is_padded_by_its_own_pixels(mode: str, edges: tuple[int, ...]) -> None:
    top, bottom, left, right = edges
    found = pad(IMAGE, top=top, bottom=bottom, left=left, right=right, mode=mode)
    numpys = {"replicate": "edge"}.get(mode, mode)
    expected = np.pad(IMAGE.numpy(), ((0, 0), (top, bottom), (left, right)), mode=numpys)  # type: ignore[call-overload]
    assert np.array_equal(found.numpy(), expected)


def test_one_pixel_is_mirrored() -> None:
    one = torch.full((3, 1, 1), 7)
    for mode in ("symmetric", "reflect", "replicate"):
        assert pad(one, right=3, bottom=2, mode=mode).eq(7).all()


def test_a_constant_and_unknown_modes() -> None:
    assert pad(IMAGE, right=1, value=9)[..., -1].eq(9).all()
    assert pad(IMAGE, mode="mirror") is IMAGE
    with pytest.raises(InputError, match="mode='mirror' is not one of constant, replicate"):
        pad(IMAGE, right=1, mode="mirror")


def test_a_batch_of_any_sizes_has_masks() -> None:
    processor = MaskedImageProcessor(do_resize=False, do_normalize=False)
    images = [torch.ones(3, 2, 5), torch.ones(3, 4, 1)]
    found = processor(images, return_tensors="pt", do_rescale=False)
    assert found.pixel_values.shape == (2, 3, 4, 5)
    assert torch.equal(found.pixel_values[:, 0].long(), found.pixel_mask)
    last = processor(images, data_format="channels_last", do_rescale=False)
    assert last.pixel_values[0].shape == (4, 5, 3)
    assert last.pixel_mask[0].shape == (4, 5)
    wide = processor(images, pad_size={"height": 6, "width": 6}, do_rescale=False)
    assert wide.pixel_mask[1].sum() == 4
    assert torch.equal(wide.pixel_mask[1], pixel_mask(images[1], wide.pixel_values[1]))
