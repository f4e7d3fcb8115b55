"""The strongest of many maps, resized row by row, is that of the maps resized whole."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from automodel_core.vision import strongest as module
from automodel_core.vision.strongest import contenders, strongest_map


@pytest.mark.parametrize("size", [(33, 50), (8, 9), (3, 4), (1, 1), (40, 2)])
@pytest.mark.parametrize("shape", [(5, 8, 9), (1, 1, 1), (7, 1, 6), (30, 12, 3)])
def test_of_every_size(
    size: tuple[int, int], shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 300)
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    whole = F.interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]
    assert torch.equal(strongest_map(maps, size), whole.argmax(dim=0))
    rounded = (4 * maps).round()  # of equal ones it is the first
    whole = F.interpolate(rounded[None], shape[1:], mode="bilinear", align_corners=False)[0]
    assert torch.equal(strongest_map(rounded, shape[1:]), whole.argmax(dim=0))


def test_maps_that_cannot_be_strongest_are_left_out() -> None:
    maps = torch.zeros(3, 4, 4)
    maps[0] = 2.0
    maps[1, :2, :2] = 3.0
    assert contenders(maps).tolist() == [True, True, False]
    maps[:] = torch.nan
    assert contenders(maps).all()
    assert strongest_map(maps, (5, 5)).max() < 3
