"""Masks and panoptic pictures under the names of transformers 4."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from automodel_core.errors import InputError
from automodel_core.vision import image_tensor
from automodel_detr import DetrImageProcessor

THING, STUFF, NOTHING = 1, 95, 99


@pytest.fixture
def outputs() -> Any:
    """Four queries: a thing on the left, stuff above and below on the right, and none."""
    labels = torch.tensor([[THING, STUFF, STUFF, NOTHING]])
    masks = torch.full((1, 4, 6, 8), -9.0)
    masks[0, 0, :, :4] = masks[0, 1, :3, 4:] = masks[0, 2, 3:, 4:] = masks[0, 3] = 9.0
    logits = 20.0 * torch.nn.functional.one_hot(labels, NOTHING + 1).float()
    return SimpleNamespace(logits=logits, pred_masks=masks, pred_boxes=torch.rand(1, 4, 4))


def test_queries_that_are_sure_have_masks(outputs: Any) -> None:
    with pytest.warns(FutureWarning, match="post_process_semantic_segmentation"):
        (found,) = DetrImageProcessor().post_process_segmentation(outputs, [(12, 16)])
    assert found["labels"].tolist() == [THING, STUFF, STUFF]
    assert found["masks"].shape == (3, 12, 16)
    assert found["masks"][0, :, :7].all()
    assert not found["masks"][0, :, 9:].any()


def test_masks_join_boxes(outputs: Any) -> None:
    sizes, processor = torch.tensor([(12, 16)]), DetrImageProcessor()
    with pytest.warns(FutureWarning, match="post_process_instance_segmentation"):
        (found,) = processor.post_process_instance([{}], outputs, sizes, torch.tensor([(6, 8)]))
    assert found["masks"].shape == (4, 1, 12, 16)
    with pytest.warns(FutureWarning), pytest.raises(InputError, match="0 max_target_sizes"):
        processor.post_process_instance([{}], outputs, sizes, sizes[:0])


def test_stuff_is_one_segment(outputs: Any) -> None:
    processor = DetrImageProcessor()
    with pytest.warns(FutureWarning, match="post_process_panoptic_segmentation"):
        (found,) = processor.post_process_panoptic(outputs, [(6, 8)], [(12, 16)])
    # As in transformers 4, a mask that is joined to another is left out for being empty then, and
    # what it covers goes to the next.
    assert found["segments_info"] == [
        {"id": 0, "isthing": True, "category_id": THING, "area": 144},
        {"id": 1, "isthing": False, "category_id": STUFF, "area": 48},
    ]
    red, *others = image_tensor(Image.open(io.BytesIO(found["png_string"])))
    assert not any(colour.any() for colour in others)
    assert not red[:, :8].any()
    assert (red[:6, 8:] == 1).all()
    with pytest.warns(FutureWarning), pytest.raises(InputError, match="for 1 images"):
        processor.post_process_panoptic(outputs, [(6, 8)] * 2)


def test_an_image_without_segments(outputs: Any) -> None:
    outputs.logits = outputs.logits[:, 3:].expand(-1, 4, -1)
    with pytest.warns(FutureWarning):
        (found,) = DetrImageProcessor().post_process_panoptic(outputs, [(6, 8)])
    assert found["segments_info"] == []
    assert not image_tensor(Image.open(io.BytesIO(found["png_string"]))).any()
