"""Maps from patches, and the fusion of several, by their definitions."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from automodel_core.layers import (
    FeatureFusionStage,
    NormedResidualConvUnit,
    PatchPositions,
    Reassemble,
    ResidualConvUnit,
    map_of_patches,
)


def test_patches_lie_row_by_row() -> None:
    patches = torch.arange(12).view(1, 6, 2)
    maps = map_of_patches(patches, (2, 3))
    assert maps.shape == (1, 2, 2, 3)
    assert maps[0, 0].tolist() == [[0, 2, 4], [6, 8, 10]]
    assert maps.data_ptr() == patches.data_ptr()


@pytest.mark.parametrize(
    ("factor", "size"), [(4, (8, 12)), (2, (4, 6)), (1, (2, 3)), (0.5, (1, 2))]
)
def test_a_map_is_enlarged_or_reduced(factor: float, size: tuple[int, int]) -> None:
    assert Reassemble(5, 3, factor)(torch.randn(1, 5, 2, 3)).shape == (1, 3, *size)


@pytest.mark.parametrize("kind", [ResidualConvUnit, NormedResidualConvUnit])
def test_a_unit_adds_what_it_makes(kind: type[ResidualConvUnit]) -> None:
    unit, maps = kind(4).eval(), torch.randn(2, 4, 3, 5)
    given = maps.clone()
    first, second = (getattr(unit, f"batch_norm{n}", nn.Identity()) for n in (1, 2))
    states = first(unit.convolution1(maps.relu())).relu()
    torch.testing.assert_close(unit(maps), second(unit.convolution2(states)) + maps)
    assert torch.equal(maps, given)
    unit.train()(maps.requires_grad_()).sum().backward()
    assert maps.grad is not None


def test_maps_are_fused_from_the_last_to_the_first() -> None:
    stage = FeatureFusionStage(3, 4, partial(ResidualConvUnit, 4)).eval()
    maps = [torch.randn(1, 4, *size) for size in ((12, 20), (5, 10), (3, 5))]
    found = stage(maps)
    assert [tuple(each.shape[2:]) for each in found] == [(6, 10), (12, 20), (24, 40)]
    fused = None
    for layer, lower, expected in zip(stage.layers, reversed(maps), found, strict=True):
        if fused is None:
            states = lower
        else:  # one that does not fit takes the size of what is fused
            fitting = F.interpolate(lower, fused.shape[2:], mode="bilinear", align_corners=False)
            states = fused + layer.residual_layer1(fitting)
        states = layer.residual_layer2(states)
        wide = F.interpolate(states, scale_factor=2, mode="bilinear", align_corners=True)
        fused = layer.projection(wide)
        torch.testing.assert_close(expected, fused)
    frozen = [name for name, weight in stage.named_parameters() if not weight.requires_grad]
    assert frozen
    assert all(name.startswith("layers.0.residual_layer1") for name in frozen)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_positions_fit_the_grid_of_an_image(mode: str) -> None:
    positions = PatchPositions(4, (2, 3), mode=mode)
    for parameter in positions.parameters():
        nn.init.normal_(parameter)
    patches = torch.zeros(2, 20, 4)
    found = positions.placed(patches, (4, 5))
    learned = positions.position_embeddings[0]
    torch.testing.assert_close(found[1, 0], positions.cls_token[0, 0] + learned[0])
    grid = learned[1:].view(2, 3, 4).permute(2, 0, 1)
    expected = F.interpolate(grid[None], (4, 5), mode=mode)[0].flatten(1).t()
    torch.testing.assert_close(found[0, 1:], expected)
    half = positions.to(torch.bfloat16).placed(patches.bfloat16(), (4, 5))
    assert half.dtype == torch.bfloat16
