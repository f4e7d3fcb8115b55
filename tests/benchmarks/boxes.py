"""Microseconds of what makes objects of queries: DETR's, and OWL-ViT's of texts.

Logits are random; a few boxes in a hundred are sure of an object.
"""

from __future__ import annotations

import argparse
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil

import automodel_detr
import automodel_owlvit
from benchmarks.rounds import interleaved, table

PICTURE = (480, 640)
SIDES = ("automodel", "transformers")
DETR = (automodel_detr.DetrImageProcessor, DetrImageProcessorPil)
OWLVIT = (automodel_owlvit.OwlViTImageProcessor, OwlViTImageProcessorPil)
CASES: dict[str, tuple[tuple[Any, Any], int, int, float]] = {
    "DETR": (DETR, 100, 92, 0.5),
    "OWL-ViT, patches of 32 pixels": (OWLVIT, 576, 3, 0.1),
    "OWLv2": (OWLVIT, 3600, 3, 0.1),
}
"""Both processors, boxes of an image, classes, and the threshold of a score."""


def found(images: int, boxes: int, classes: int, *, nothing: bool) -> Any:
    """Return what a model says, of boxes of which every twentieth is sure of a class."""
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(images, boxes, classes, generator=chance) - 6
    if nothing:
        logits[..., -1] += 12
    sure = torch.arange(0, boxes, 20)
    logits[:, sure, sure % (classes - 1)] = 12.0
    return SimpleNamespace(logits=logits, pred_boxes=torch.rand(images, boxes, 4, generator=chance))


def measured(name: str, images: int, rounds: int) -> list[str]:
    """Return a row of the table, and raise where two sides find different objects."""
    kinds, boxes, classes, threshold = CASES[name]
    outputs = found(images, boxes, classes, nothing=kinds is DETR)
    given = {"threshold": threshold, "target_sizes": [PICTURE] * images}
    runs = {
        side: partial(kind().post_process_object_detection, outputs, **given)
        for side, kind in zip(SIDES, kinds, strict=True)
    }
    ours, theirs = (run() for run in runs.values())
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    result = interleaved(runs, rounds)
    times = [f"{result.median(side) * 1e6:.0f}" for side in SIDES]
    return [name, str(boxes), str(images), *times, f"{result.ratio(*SIDES):.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 4])
    options = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        rows = [measured(name, images, options.rounds) for name in CASES for images in options.rows]
    header = ["post_process_object_detection", "boxes", "images", *SIDES, "times"]
    print(table("Objects, microseconds, one thread", header, rows))


if __name__ == "__main__":
    main()
