"""Without a task, a checkpoint's own is found in its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

import automodel_core
from parity.tasks.checkpoints import write

TASKS = {
    "classes": "text-classification",
    "names": "token-classification",
    "spans": "question-answering",
    "masks": "fill-mask",
    "body": "feature-extraction",
    "writer": "text-generation",
    "pairs": "text2text-generation",
    "pictures": "image-classification",
    "picture-body": "image-feature-extraction",
    "captions": "image-to-text",
    "towers": "zero-shot-image-classification",
    "depths": "depth-estimation",
    "pixels": "image-segmentation",
    "objects": "object-detection",
    "named-objects": "zero-shot-object-detection",
    "panoptic-pixels": "image-segmentation",
    "points": "keypoint-detection",
    "videos": "video-classification",
    "pages": "document-question-answering",
}


@pytest.mark.parametrize("name", TASKS)
def test_the_task_of_a_checkpoint_is_found(name: str, tmp_path: Path) -> None:
    assert automodel_core.pipeline(model=write(name, tmp_path), device=-1).task == TASKS[name]
