"""Milliseconds and peak memory of MaskFormer with Swin-tiny, and of what makes segments of it.

Weights and images are random; post-processing has masks like those of a picture with 40 objects.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from transformers.models.maskformer.image_processing_pil_maskformer import (
    MaskFormerImageProcessorPil,
)

import automodel_maskformer
from benchmarks.rounds import interleaved, table

SWIN_TINY = {"model_type": "swin", "embed_dim": 96, "depths": [2, 2, 6, 2], "num_labels": 150}
PICTURE = (640, 870)
QUERIES, LABELS = 100, 133
SIDES = {"automodel": automodel_maskformer, "transformers": transformers}
PROCESSORS = {
    "automodel": automodel_maskformer.MaskFormerImageProcessor,
    "transformers": MaskFormerImageProcessorPil,
}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "semantic": ("semantic", {}),
    "panoptic": ("panoptic", {"label_ids_to_fuse": set()}),
    "instances": ("instance", {}),
    "instances, one map each": ("instance", {"return_binary_maps": True}),
    "instances, run lengths": ("instance", {"return_coco_annotation": True}),
}


def drawn_model(side: str) -> Any:
    """Return the model of a library, with the same first values as the other's."""
    package: Any = SIDES[side]
    config = package.MaskFormerConfig(backbone_config=dict(SWIN_TINY), num_labels=150)
    torch.manual_seed(0)
    return package.MaskFormerForInstanceSegmentation(config).eval()


def images(rows: int, edge: int) -> torch.Tensor:
    return torch.randn(rows, 3, edge, edge, generator=torch.Generator().manual_seed(0))


def forward(rows: int, options: argparse.Namespace, clock: Any) -> list[str]:
    """Return a row of the table of forwards, whose models have the same weights."""
    models = {side: drawn_model(side) for side in SIDES}
    state = models["transformers"].state_dict()
    config = models["automodel"].config
    kind = automodel_maskformer.MaskFormerForInstanceSegmentation
    models["automodel"] = kind.from_pretrained(None, config=config, state_dict=state)
    given = images(rows, options.edge)
    with torch.no_grad():
        ours, theirs = (models[side](given).masks_queries_logits for side in SIDES)
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
        runs = {side: partial(model, given) for side, model in models.items()}
        result = interleaved(runs, options.rounds, clock)
    del models, runs
    memory = [peak(side, rows, options.edge) if options.memory else "" for side in SIDES]
    return [f"forward, {rows}", *cells(result), *memory]


def peak(side: str, rows: int, edge: int) -> str:
    """Return the peak memory of a process that runs one side, in MiB."""
    command = [sys.executable, "-m", "benchmarks.segments", "--alone", side]
    command += ["--rows", str(rows), "--edge", str(edge)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def cells(result: Any) -> list[str]:
    times = [f"{result.median(side) * 1e3:.0f}" for side in SIDES]
    return [*times, f"{result.ratio('automodel', 'transformers'):.2f}"]


def found() -> Any:
    """Return what queries say of a picture: 40 are sure of a class, masks are smooth."""
    chance = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, QUERIES, 6, 8, generator=chance)
    masks = torch.nn.functional.interpolate(coarse, (200, 272), mode="bicubic") * 6 - 4
    logits = torch.randn(1, QUERIES, LABELS + 1, generator=chance)
    logits[0, :40].scatter_(1, torch.randint(0, LABELS, (40, 1), generator=chance), 9.0)
    return SimpleNamespace(class_queries_logits=logits, masks_queries_logits=masks)


def post_processing(name: str, options: argparse.Namespace, clock: Any) -> list[str]:
    way, more = WAYS[name]
    posts = (getattr(kind(), f"post_process_{way}_segmentation") for kind in PROCESSORS.values())
    runs = {
        side: partial(post, found(), target_sizes=[PICTURE], **more)
        for side, post in zip(SIDES, posts, strict=True)
    }
    return [name, *cells(interleaved(runs, options.rounds, clock)), "", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", nargs="*", type=int, default=[1, 4])
    parser.add_argument("--edge", type=int, default=512)
    parser.add_argument("--cpu-time", action="store_true", help="on one thread, beside other work")
    parser.add_argument("--memory", action="store_true", help="measure peak memory too, in MiB")
    parser.add_argument("--alone", choices=SIDES, help="run one side once, and print its memory")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if options.alone:
        model = drawn_model(options.alone)
        with torch.no_grad():
            model(images(options.rows[0], options.edge))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    if options.cpu_time:
        torch.set_num_threads(1)
    clock = time.process_time if options.cpu_time else time.perf_counter
    header = ["", *SIDES, "times", *(f"{side}, MiB" for side in SIDES)]
    title = f"MaskFormer, ms, fp32, {torch.get_num_threads()} threads, {options.edge} pixels"
    print(
        table(title, header, [post_processing(name, options, clock) for name in WAYS]), flush=True
    )
    for rows in options.rows:
        print(*forward(rows, options, clock), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
