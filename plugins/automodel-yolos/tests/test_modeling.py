"""YOLOS alone: shapes that the reference cannot, learning, pictures, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModelForObjectDetection, pipeline
from automodel_core.errors import InputError
from automodel_yolos import (
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessor,
    YolosModel,
)

TINY: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 32,
    "image_size": [16, 24], "patch_size": 8, "num_detection_tokens": 5, "num_labels": 4,
}  # fmt: skip
IMAGES = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
LABELS = [
    {"class_labels": torch.tensor([2]), "boxes": torch.tensor([[0.3, 0.3, 0.2, 0.4]])},
    {"class_labels": torch.tensor([], dtype=torch.long), "boxes": torch.zeros(0, 4)},
]


def drawn(kind: Any = YolosForObjectDetection, **settings: Any) -> Any:
    torch.manual_seed(0)
    return kind(YolosConfig(**{**TINY, **settings})).eval()


@pytest.mark.parametrize(
    "settings",
    [{"patch_size": [8, 4]}, {"image_size": 16}, {"image_size": [20, 30]}],
    ids=["patches", "squares", "edges that are no multiples"],
)
def test_shapes(settings: dict[str, Any]) -> None:
    model = drawn(YolosModel, **settings)
    height, width = settings.get("patch_size", [8, 8])
    with torch.no_grad():
        states = model(IMAGES).last_hidden_state
    assert states.shape == (2, 1 + (32 // height) * (48 // width) + 5, 24)


def test_positions_of_tokens_are_not_resampled() -> None:
    model = drawn(YolosModel)
    places = model.embed.places
    positions = torch.randn(2, len(places), 24)
    resampled = places.resampled(positions, (4, 6))
    assert resampled.shape == (2, 1 + 24 + 5, 24)
    assert torch.equal(resampled[:, 0], positions[:, 0])
    assert torch.equal(resampled[:, -5:], positions[:, -5:])
    assert torch.equal(places.resampled(positions, places.grid), positions)


@pytest.mark.parametrize("auxiliary", [False, True])
def test_objects_are_learned(auxiliary: bool) -> None:
    model = drawn(auxiliary_loss=auxiliary).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        output = model(IMAGES, labels=LABELS)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(output.loss.item())
    assert losses[-1] < losses[0] / 2
    assert (output.auxiliary_outputs is not None) == auxiliary
    assert ("loss_giou_1" in output.loss_dict) == auxiliary
    assert output.hidden_states is None


def test_from_pictures_to_boxes(tmp_path: Path) -> None:
    model = drawn(num_detection_tokens=3)
    model.save_pretrained(tmp_path)
    processor = YolosImageProcessor(size={"shortest_edge": 32, "longest_edge": 64})
    processor.save_pretrained(tmp_path)
    again: Any = AutoModelForObjectDetection.from_pretrained(tmp_path)
    pictures = [torch.zeros(3, 40, 60).byte(), torch.zeros(3, 60, 40).byte()]
    given = processor(pictures, return_tensors="pt")
    assert given["pixel_values"].shape == (2, 3, 48, 48)
    with torch.no_grad():
        output = again(**given)
    found = processor.post_process_object_detection(output, 0.0, [(40, 60), (60, 40)])
    assert [len(each["scores"]) for each in found] == [3, 3]
    answers = pipeline("object-detection", model=str(tmp_path))(pictures[0], threshold=0.0)
    assert len(answers) == 3
    assert set(answers[0]) == {"label", "score", "box"}


def test_small_pictures_keep_a_patch() -> None:
    """The reference makes nothing of a picture whose short edge falls below a patch."""
    processor = YolosImageProcessor(size={"shortest_edge": 8, "longest_edge": 64})
    given = processor(torch.zeros(3, 40, 200).byte(), return_tensors="pt")
    assert given["pixel_values"].shape == (1, 3, 16, 32)


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="give pixel_values"):
        drawn()()
    with pytest.raises(InputError, match="1 labels were given for 2 images"):
        drawn()(IMAGES, labels=LABELS[:1])
