"""Pipelines that see pictures give what the reference's give."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import torch
import transformers

import automodel_core
from parity.tasks.comparing import Call, Pipelines, assert_same, known
from parity.tasks.pictures import drawn, written


def seen(task: str, checkpoint: str, *args: Any, **options: Any) -> Call:
    return Call(task, checkpoint, args, options)


PICTURE, OTHER = drawn(), drawn(16, 40, seed=1)
TEXT = base64.b64encode(written(PICTURE)).decode()
CLASSES = ("image-classification", "pictures")
FEATURES = ("image-feature-extraction", "picture-body")
CAPTIONS = ("image-to-text", "captions")
SEGMENTS = ("image-segmentation", "pixels")
PANOPTIC = ("image-segmentation", "panoptic-pixels")

CALLS = {
    "classes": seen(*CLASSES, PICTURE),
    "classes of several": seen(*CLASSES, [PICTURE, OTHER], top_k=2, batch_size=2),
    "every class": seen(*CLASSES, PICTURE, top_k=99, function_to_apply="sigmoid"),
    "classes of base64": seen(*CLASSES, TEXT, function_to_apply="none"),
    "classes of an address of data": seen(*CLASSES, f"data:image/png;base64,{TEXT}"),
    "classes of a grey picture": seen(*CLASSES, drawn(mode="L")),
    "classes of a palette": seen(*CLASSES, drawn(mode="P")),
    "features": seen(*FEATURES, PICTURE),
    "features of several": seen(*FEATURES, [PICTURE, OTHER]),
    "pooled features": seen(*FEATURES, PICTURE, pool=True, return_tensors=True),
    "features of other pixels": seen(
        *FEATURES, PICTURE, image_processor_kwargs={"do_rescale": False, "do_normalize": False}
    ),
    "a caption": seen(*CAPTIONS, PICTURE, max_new_tokens=5),
    "captions": seen(
        *CAPTIONS, [PICTURE, OTHER], generate_kwargs={"max_new_tokens": 4, "num_beams": 2}
    ),
    "a depth": seen("depth-estimation", "depths", drawn(70, 45)),
    "depths": seen("depth-estimation", "depths", [drawn(70, 45), drawn(64, 64, seed=1)]),
    "a relative depth": seen("depth-estimation", "relative-depths", PICTURE),
    "segments": seen(*SEGMENTS, PICTURE),
    "objects": seen("object-detection", "objects", PICTURE, threshold=0.2),
    "objects of several": seen("object-detection", "objects", [PICTURE, OTHER], threshold=0.1),
    "no objects": seen("object-detection", "objects", PICTURE, threshold=1.0),
    "panoptic segments": seen(*PANOPTIC, PICTURE, threshold=0.1, overlap_mask_area_threshold=0.1),
    "instances": seen(*PANOPTIC, PICTURE, subtask="instance", threshold=0.1),
    "segments of several": seen(*SEGMENTS, [PICTURE, OTHER], subtask="semantic", batch_size=2),
}


@pytest.mark.parametrize("name", known(CALLS))
def test_results_are_the_reference_s(pipelines: Pipelines, name: str) -> None:
    assert_same(*pipelines.both(CALLS[name]))


def test_points_are_those_of_the_reference_s_parts(pipelines: Pipelines) -> None:
    """The reference has no pipeline for key points."""
    ours = pipelines.of(automodel_core, seen("keypoint-detection", "points"))
    folder = ours.model.name_or_path
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForKeypointDetection.from_pretrained(folder)
    with torch.no_grad():
        outputs = model(**processor(PICTURE, return_tensors="pt"))
    sizes = [(PICTURE.height, PICTURE.width)]
    (found,) = processor.post_process_keypoint_detection(outputs, sizes)
    order = found["scores"].argsort(descending=True, stable=True)[:20]
    points = zip(found["scores"][order].tolist(), found["keypoints"][order].tolist(), strict=True)
    expected = [{"score": score, "x": x, "y": y} for score, (x, y) in points]
    assert expected
    assert_same(ours(PICTURE, top_k=20), expected)
    tensors = ours([PICTURE], return_tensors=True, threshold=expected[0]["score"])[0]
    assert set(tensors) == {"keypoints", "scores", "descriptors"}
