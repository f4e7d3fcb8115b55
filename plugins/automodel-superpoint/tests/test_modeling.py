"""SuperPoint alone: which pixels are points, what describes them, borders, names on disk."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core import AutoModelForKeypointDetection
from automodel_core.errors import InputError
from automodel_superpoint import SuperPointConfig, SuperPointForKeypointDetection
from automodel_superpoint.modeling import best_of_neighbours

SMALL: dict[str, Any] = {
    "encoder_hidden_sizes": [4, 4, 6, 8], "decoder_hidden_size": 8, "descriptor_decoder_dim": 10,
}  # fmt: skip


def made(**settings: Any) -> SuperPointForKeypointDetection:
    torch.manual_seed(0)
    model = SuperPointForKeypointDetection(SuperPointConfig(**{**SMALL, **settings})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3)
    return model


def scored(model: SuperPointForKeypointDetection, *pixels: tuple[int, int, float]) -> Tensor:
    """Return the points ``(x, y)`` of scores that are zero but for some rows and columns."""
    scores = torch.zeros(48, 64)
    for row, column, score in pixels:
        scores[row, column] = score
    return model.keypoint_decoder.points(scores)[0]


def test_the_best_of_neighbours_suppresses_the_others() -> None:
    scores = torch.zeros(1, 9, 12)
    scores[0, 4, 2:5] = torch.tensor([0.3, 0.9, 0.5])
    scores[0, 4, 6] = 0.4  # suppressed by what is suppressed itself, and so kept
    kept = best_of_neighbours(scores, radius=2).nonzero().tolist()
    assert kept == [[0, 4, 3], [0, 4, 6]]
    assert torch.equal(best_of_neighbours(scores, radius=0), scores)


def test_no_two_points_are_neighbours() -> None:
    scores = torch.rand(2, 40, 50, generator=torch.Generator().manual_seed(0))
    for row in best_of_neighbours(scores, radius=3):
        points = row.nonzero()
        distances = (points[:, None] - points[None]).abs().amax(dim=-1)
        distances.fill_diagonal_(9)
        assert distances.min() > 3


def test_borders_on_all_sides() -> None:
    """The reference takes the image for eight times as large, and forgets two of them."""
    corners = [(3, 30, 0.5), (30, 3, 0.5), (44, 30, 0.5), (30, 60, 0.5), (43, 59, 0.5), (4, 4, 0.5)]
    assert scored(made(), *corners).tolist() == [[4, 4], [59, 43]]
    as_theirs = scored(made(border_on_all_sides=False), *corners).tolist()
    assert as_theirs == [[4, 4], [60, 30], [59, 43], [30, 44]]
    assert len(scored(made(border_removal_distance=0), *corners)) == 6


def test_the_best_points_are_kept() -> None:
    pixels = [(10, 10, 0.1), (20, 20, 0.3), (30, 30, 0.2), (40, 40, 0.004)]
    assert scored(made(), *pixels).tolist() == [[10, 10], [20, 20], [30, 30]]
    assert scored(made(max_keypoints=2), *pixels).tolist() == [[20, 20], [30, 30]]
    assert scored(made(max_keypoints=0), *pixels).shape == (0, 2)


def test_scores_lie_where_their_cells_do() -> None:
    model = made(nms_radius=0)
    cells = torch.randn(1, 8, 3, 4)
    scores = model.keypoint_decoder(cells)
    chances = model.keypoint_decoder.conv_score_b(
        model.keypoint_decoder.conv_score_a(cells).relu()
    ).softmax(1)
    for row, column in ((0, 0), (2, 3), (1, 2)):
        cell = scores[0, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        torch.testing.assert_close(cell.flatten(), chances[0, :-1, row, column])


def test_descriptors_are_those_of_the_cells_between() -> None:
    model = made()
    described = F.normalize(torch.randn(10, 5, 6), dim=0)
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(6), indexing="ij")
    # By this sampling, the first cell's vector lies in its middle, the last one's at its end.
    places = torch.stack([columns / 5 * (48 - 4.5) + 3.5, rows / 4 * (40 - 4.5) + 3.5], dim=-1)
    found = model.descriptor_decoder.at(places.flatten(0, 1), described)
    torch.testing.assert_close(found, described.flatten(1).t(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(30))


def test_images_of_a_batch_have_as_many_points_as_they_have(tmp_path: Any) -> None:
    model = made(keypoint_threshold=0.015)
    images = torch.rand(3, 1, 40, 56, generator=torch.Generator().manual_seed(0))
    images[1] = 0.0
    output = model(images, output_hidden_states=True)
    counts = output.mask.sum(dim=1).tolist()
    assert len(set(counts)) > 1
    assert output.keypoints.shape == (3, max(counts), 2)
    assert output.descriptors.shape == (3, max(counts), 10)
    assert output.mask.dtype == torch.int32
    assert [each.shape[-2:] for each in output.hidden_states] == [
        (20, 28),
        (10, 14),
        (5, 7),
        (5, 7),
    ]
    for row, count in enumerate(counts):
        alone = model(images[row : row + 1])
        assert alone.mask.shape == (1, count)
        torch.testing.assert_close(alone.keypoints[0], output.keypoints[row, :count])
    model.save_pretrained(tmp_path)
    again = AutoModelForKeypointDetection.from_pretrained(tmp_path)
    assert torch.equal(again(images).scores, output.scores)


def test_no_points_are_legal() -> None:
    output = made(keypoint_threshold=1.0)(torch.rand(2, 3, 16, 24))
    assert output.keypoints.shape == (2, 0, 2)
    assert output.descriptors.shape == (2, 0, 10)


def test_half_precision_keeps_coordinates() -> None:
    model = made(border_removal_distance=0).bfloat16()
    output = model(torch.rand(1, 3, 16, 640))
    assert output.keypoints.dtype == torch.float32
    pixels = output.keypoints[0] * torch.tensor([640, 16])
    torch.testing.assert_close(pixels, pixels.round(), rtol=0, atol=1e-3)
    assert output.scores.dtype == output.descriptors.dtype == torch.bfloat16


def test_the_names_on_disk_are_the_hubs() -> None:
    assert set(made().hub_state_dict()) == {
        f"{layer}.{kind}"
        for layer in (
            *(f"encoder.conv_blocks.{block}.conv_{which}" for block in range(4) for which in "ab"),
            *(f"keypoint_decoder.conv_score_{which}" for which in "ab"),
            *(f"descriptor_decoder.conv_descriptor_{which}" for which in "ab"),
        )
        for kind in ("weight", "bias")
    }


def test_wrong_inputs_say_what_was_expected() -> None:
    for wrong in (None, torch.rand(3, 16, 16)):
        with pytest.raises(InputError, match=r"must be \(batch, channels, height, width\), got"):
            made()(wrong)
