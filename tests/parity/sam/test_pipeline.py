"""Masks of everything are those of the reference's pipeline, whose suppression is told here."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from torch import Tensor

import automodel_core
from automodel_core.detection import keep_best
from automodel_core.errors import InputError
from automodel_sam import SamImageProcessor
from parity.sam.cases import SAM
from support.parity import IS_5
from support.reference import assert_close

if IS_5:
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil as Reference
else:
    from transformers import SamImageProcessor as Reference

SIZES: dict[str, Any] = {
    "size": {"longest_edge": 32}, "pad_size": {"height": 32, "width": 32},
    "mask_size": {"longest_edge": 32}, "mask_pad_size": {"height": 32, "width": 32},
}  # fmt: skip
ALL: dict[str, Any] = {
    "points_per_crop": 4, "points_per_batch": 5, "pred_iou_thresh": -100.0,
    "stability_score_thresh": -1.0, "crops_nms_thresh": 0.999,
}  # fmt: skip
CALLS: dict[str, dict[str, Any]] = {
    "all masks": ALL,
    "good and stable ones": {
        **ALL, "pred_iou_thresh": 0.95, "stability_score_thresh": 0.5,
        "stability_score_offset": 0.001,
    },
    "another threshold, fewer of the same": {
        **ALL, "mask_threshold": -0.2, "crops_nms_thresh": 0.8, "points_per_batch": None
    },
    "none": {**ALL, "pred_iou_thresh": 100.0},
}  # fmt: skip
MORE = {"output_rle_mask": True, "output_bboxes_mask": True}


def picture() -> Any:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Return the reference's pipeline and ours, around the same model."""

    def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
        return keep_best(boxes, scores, iou_threshold)

    for name in ("torchvision", "torchvision.ops", "torchvision.ops.boxes"):
        module = ModuleType(name)
        vars(module)["batched_nms"] = batched_nms
        monkeypatch.setitem(sys.modules, name, module)
    reference, model = SAM.pair(SAM.cases["points"], "SamModel")
    theirs = Reference(**SIZES)
    if IS_5:
        found = sys.modules[Reference.__module__]._post_process_for_mask_generation
        monkeypatch.setattr(theirs, "post_process_for_mask_generation", found, raising=False)
    name = "image_processor"
    return (
        transformers.MaskGenerationPipeline(model=reference, **{name: theirs}),
        automodel_core.pipeline(
            "mask-generation", model=model, **{name: SamImageProcessor(**SIZES)}
        ),
    )


@pytest.mark.parametrize("crops", [0, 1])
@pytest.mark.parametrize("name", CALLS)
def test_masks_are_those_of_the_reference(both: tuple[Any, Any], name: str, crops: int) -> None:
    if not (IS_5 or crops):
        pytest.skip("version 4 ends its last part by StopIteration, which a generator may not")
    if crops and not IS_5:
        pytest.skip("version 4 scales the points of crops, and leaves boxes in their pixels")
    if name == "none" and not IS_5:
        pytest.skip("version 4 takes no picture without a mask")
    expected, found = (
        each(picture(), **CALLS[name], **MORE, crops_n_layers=crops) for each in both
    )
    assert found.keys() == expected.keys()
    assert len(found["masks"]) == len(expected["masks"])
    assert found["masks"] or name == "none"
    assert_close(found["scores"], expected["scores"])
    assert torch.equal(found["bounding_boxes"], expected["bounding_boxes"])
    assert found["rle_mask"] == expected["rle_mask"]
    for ours, theirs in zip(found["masks"], expected["masks"], strict=True):
        assert torch.equal(ours, torch.as_tensor(theirs))


def test_grids_of_crops_may_be_coarser(both: tuple[Any, Any]) -> None:
    """The reference cannot hold crops with unequal numbers of points."""
    reference, ours = both
    options = {**ALL, "crops_n_layers": 1, "crop_n_points_downscale_factor": 2}
    with pytest.raises(ValueError, match="inhomogeneous"):
        reference(picture(), **options)
    grids = {key: value for key, value in options.items() if "point" in key or "crop" in key}
    chunks = list(ours.preprocess(picture(), **{k: v for k, v in grids.items() if "nms" not in k}))
    assert sum(len(chunk.inputs["input_points"]) for chunk in chunks) == 16 + 4 * 4
    assert ours(picture(), **options)["masks"]


def test_several_pictures_and_wrong_options(both: tuple[Any, Any], tmp_path: Path) -> None:
    ours = both[1]
    file = tmp_path / "one.png"
    picture().save(file)
    single = ours(str(file), **ALL)
    several = ours([str(file), picture()], **ALL, batch_size=2)
    for found in several:
        assert_close(found["scores"], single["scores"])
    assert ours.painted(str(file), single).width == 70
    with pytest.raises(InputError, match="points_per_batch=0"):
        ours(picture(), points_per_batch=0)
    with pytest.raises(InputError, match="max_hole_area"):
        ours(picture(), max_hole_area=3.0)
