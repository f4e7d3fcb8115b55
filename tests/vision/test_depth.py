"""Depths take the sizes of the pictures that they are of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.modeling import DepthEstimatorOutput
from automodel_core.vision import DepthPostProcessing

DEPTHS = torch.arange(2 * 3 * 4).view(2, 3, 4).float()


def test_depths_are_resized_one_by_one() -> None:
    outputs = DepthEstimatorOutput(predicted_depth=DEPTHS)
    find = DepthPostProcessing().post_process_depth_estimation
    assert torch.equal(find(outputs)[1]["predicted_depth"], DEPTHS[1])
    mixed = find(outputs, [(6, 1), None])
    assert [tuple(each["predicted_depth"].shape) for each in mixed] == [(6, 1), (3, 4)]
    sizes = torch.tensor([[3, 4], [6, 8]])
    same, larger = (each["predicted_depth"] for each in find(outputs, sizes))
    torch.testing.assert_close(same, DEPTHS[0])
    torch.testing.assert_close(larger[2:4, 2:6].mean(), DEPTHS[1, 1, 1:3].mean(), rtol=0.1, atol=0)


def test_each_image_has_one_size() -> None:
    with pytest.raises(InputError, match="1 target_sizes were given for 2 images"):
        DepthPostProcessing().post_process_depth_estimation(
            SimpleNamespace(predicted_depth=DEPTHS), [(2, 2)]
        )
