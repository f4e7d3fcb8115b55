"""SAM at its base size: an image, then a hundred prompts, then masks at the picture's size.

``python -m benchmarks.masks`` prints seconds of the CPU on one thread, each contender once a round;
``python -m benchmarks.masks STEP WHO`` runs one step alone and prints its peak memory in MiB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

import automodel_sam
from automodel_core.detection import keep_best
from benchmarks.rounds import interleaved, table

PICTURE, PADDED, MAP = (480, 640), (768, 1024), (256, 64, 64)
WHO = ("automodel", "transformers")
Run = Callable[[], object]


def models(who: str) -> Any:
    """Return a model with random weights, the same on both sides."""
    torch.manual_seed(0)
    reference = transformers.SamModel._from_config(
        transformers.SamConfig(), attn_implementation="sdpa"
    ).eval()
    if who == "transformers":
        return reference
    config = automodel_sam.SamConfig.from_dict(reference.config.to_dict())
    state = reference.state_dict()
    return automodel_sam.SamModel.from_pretrained(None, config=config, state_dict=state)


def encoding(who: str, prompts: int) -> Run:
    """Run the encoder on one image."""
    model = models(who)
    pixels = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(1))
    return lambda: model.get_image_embeddings(pixels)


def prompting(who: str, prompts: int) -> Run:
    """Decode prompts of one point on one map."""
    model, chance = models(who), torch.Generator().manual_seed(1)
    given = {
        "image_embeddings": torch.randn(1, *MAP, generator=chance),
        "input_points": 1024 * torch.rand(1, prompts, 1, 2, generator=chance),
    }

    def once() -> Tensor:
        with torch.no_grad():
            masks: Tensor = model(**given).pred_masks
        return masks

    return once


def drawn_masks(prompts: int) -> tuple[Tensor, Tensor]:
    """Return smooth masks of prompts, and scores from 0.5 to 1."""
    chance = torch.Generator().manual_seed(2)
    rough = torch.randn(3 * prompts, 1, 6, 6, generator=chance)
    masks = 20 * F.interpolate(rough, (256, 256), mode="bicubic").view(1, prompts, 3, 256, 256)
    return masks, 0.5 + torch.rand(1, prompts, 3, generator=chance) / 2


def enlarging(who: str, prompts: int) -> Run:
    """Make masks of prompts as large as the picture."""
    masks, _ = drawn_masks(prompts)
    kind = SamImageProcessorPil if who == "transformers" else automodel_sam.SamImageProcessor
    processor = kind()
    return lambda: processor.post_process_masks(masks, [PICTURE], [PADDED])


def choosing(who: str, prompts: int) -> Run:
    """Keep what a pipeline keeps of prompts: good, stable, said once."""
    masks, scores = drawn_masks(prompts)
    height, width = PICTURE
    crop = torch.tensor([0, 0, width, height])
    theirs, ours = SamImageProcessorPil(), automodel_sam.SamImageProcessor()

    def of_reference() -> Any:
        (large,) = theirs.post_process_masks(masks, [PICTURE], [PADDED], binarize=False)
        runs, best, boxes = theirs.filter_masks(large, scores[0], PICTURE, crop)
        kept = keep_best(boxes.float(), best, 0.7)  # its own needs torchvision
        decode = sys.modules[SamImageProcessorPil.__module__]._rle_to_mask
        return [decode(runs[number]) for number in kept.tolist()]

    def of_ours() -> Any:
        good = scores[0] > 0.88
        found: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for some, best in zip(masks[0][good].split(54), scores[0][good].split(54), strict=True):
            (large,) = ours.post_process_masks(
                some[None, :, None].unbind(), [PICTURE], [PADDED], binarize=False
            )
            runs, *tensors = ours.filter_masks(large, best[:, None], PICTURE, crop)
            for whole, part in zip(found, (runs, *([each] for each in tensors)), strict=True):
                whole.extend(part)
        runs, best, boxes = found[0], torch.cat(found[1]), torch.cat(found[2])
        return ours.post_process_for_mask_generation(runs, best, boxes, 0.7)[0]

    return of_reference if who == "transformers" else of_ours


STEPS: dict[str, tuple[Callable[[str, int], Run], int]] = {
    "encoder": (encoding, 1),
    "prompts": (prompting, 2),
    "masks at 480 x 640": (enlarging, 3),
    "masks of everything": (choosing, 3),
}
"""What makes a step, and how often it is timed."""


def peak(step: str, who: str, prompts: int) -> int:
    """Return the most memory, in MiB, that a process of its own takes for a step."""
    command = [sys.executable, "-m", "benchmarks.masks", step, who, "--prompts", str(prompts)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ran.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("step", nargs="?", choices=STEPS)
    parser.add_argument("who", nargs="?", choices=WHO)
    parser.add_argument("--only", nargs="*", choices=STEPS, default=list(STEPS))
    parser.add_argument("--prompts", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    if options.step:
        STEPS[options.step][0](options.who, options.prompts)()
        status = Path("/proc/self/status").read_text()
        print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
        return
    rows = []
    for step in options.only:
        make, rounds = STEPS[step]
        timed = interleaved(
            {who: make(who, options.prompts) for who in WHO}, rounds, time.process_time
        )
        seconds = [f"{timed.median(who):.2f}" for who in WHO]
        memory = [str(peak(step, who, options.prompts)) for who in WHO]
        rows.append([step, *seconds, f"{timed.ratio(*WHO):.2f}", *memory])
        print(rows[-1], file=sys.stderr, flush=True)
    header = ["step", *WHO, "times", "MiB", "MiB there"]
    print(table("Masks", header, rows))


if __name__ == "__main__":
    main()
