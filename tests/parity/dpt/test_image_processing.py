"""DPT's image processor prepares maps of classes too, where the reference does it right."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

import automodel_dpt
from automodel_core.modeling import SemanticSegmenterOutput
from support.parity import IS_5

if IS_5:
    from transformers.models.dpt.image_processing_pil_dpt import (
        DPTImageProcessorPil as ReferenceDPT,
    )
else:
    from transformers import DPTImageProcessor as ReferenceDPT


def drawn(height: int, width: int, channels: int, limit: int = 256) -> Any:
    numbers = np.random.default_rng(height * 1000 + width)
    return numbers.integers(0, limit, (height, width, channels), dtype=np.uint8)


def prepared(kind: Any, picture: Any, classes: Any, **settings: Any) -> Any:
    return kind(**settings)(picture, segmentation_maps=classes, return_tensors="pt")


def test_labels_of_a_size_that_stays() -> None:
    picture, classes = drawn(28, 42, 3), drawn(28, 42, 1, 9)[..., 0]
    for settings in ({"do_resize": False}, {"do_resize": False, "do_reduce_labels": True}):
        ours = prepared(automodel_dpt.DPTImageProcessor, picture, classes, **settings)
        theirs = prepared(ReferenceDPT, picture, classes.copy(), **settings)
        assert torch.equal(ours["pixel_values"], theirs["pixel_values"])
        assert torch.equal(ours["labels"], theirs["labels"])


def test_labels_are_those_of_the_nearest_pixels() -> None:
    """The reference blends the numbers of classes, as if they were colours."""
    picture, classes = drawn(28, 42, 3), drawn(28, 42, 1, 2)[..., 0] * 100
    settings = {"size": {"height": 14, "width": 28}, "do_reduce_labels": False}
    ours = prepared(automodel_dpt.DPTImageProcessor, picture, classes, **settings)
    theirs = prepared(ReferenceDPT, picture, classes.copy(), **settings)
    assert torch.equal(ours["pixel_values"], theirs["pixel_values"])
    assert set(ours["labels"].unique().tolist()) == {0, 100}
    assert len(theirs["labels"].unique()) > 2
    nearest = Image.fromarray(classes).resize((28, 14), Image.Resampling.NEAREST)
    assert ours["labels"][0].tolist() == np.asarray(nearest).tolist()


def test_maps_of_scores_are_those_of_the_reference() -> None:
    outputs = SemanticSegmenterOutput(logits=torch.randn(2, 4, 9, 7))
    for sizes in (None, [(20, 30), (5, 4)]):
        expected = ReferenceDPT().post_process_semantic_segmentation(outputs, sizes)
        found = automodel_dpt.DPTImageProcessor().post_process_semantic_segmentation(outputs, sizes)
        for mine, other in zip(found, expected, strict=True):
            assert torch.equal(mine, other)
