"""Train the detector of the demo: a small YOLOS that finds the shapes of a drawing.

It begins with the eyes of the captioner, which `train.py` trains.

    python docs/demo/pictures/train_detector.py docs/demo/pictures/detector

One scene in ten is held out of the training, by a rule on the coloured shapes in it; the script
ends with the share of boxes that are right in held-out scenes: of the right shape, and sharing at
least half of what they and the true box cover.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from drawing import SHAPES
from scene import MOST, SCENE, Scene, annotations, draw_scene, random_scene

from automodel_core import AutoModelForObjectDetection, AutoModelForVision2Seq, pipeline
from automodel_core.detection import box_iou
from automodel_yolos import YolosConfig, YolosForObjectDetection, YolosImageProcessor

CAPTIONER = Path(__file__).parent / "checkpoint"
EDGE = {"height": SCENE, "width": SCENE}


def new_model() -> YolosForObjectDetection:
    """Return a detector of 0.4 million weights that sees as the captioner of the demo does."""
    seeing = AutoModelForVision2Seq.from_pretrained(CAPTIONER).encoder
    model = YolosForObjectDetection(
        YolosConfig(
            image_size=[SCENE, SCENE], patch_size=8, num_detection_tokens=8,
            hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=288,
            use_mid_position_embeddings=False,
            id2label=dict(enumerate(SHAPES)), label2id={name: n for n, name in enumerate(SHAPES)},
        )
    )  # fmt: skip
    learnt = seeing.state_dict()
    places = learnt.pop("embed.position_embeddings")
    model.model.load_state_dict(learnt, strict=False)  # the captioner has a pooler beside
    with torch.no_grad():
        positions = model.model.embed.position_embeddings.normal_(std=places.std().item())
        positions[:, : places.shape[1]] = places
        model.model.embed.detection_tokens.normal_(std=places.std().item())
    return model


def batch_of(rng: random.Random, processor: Any, size: int, most: int) -> Any:
    """Return pictures of at most ``most`` shapes with their labels, as the model learns them."""
    drawn = [draw_scene(random_scene(rng, wanted=False, most=most), rng) for _ in range(size)]
    pictures, scenes = zip(*drawn, strict=True)
    told = [annotations(number, scene) for number, scene in enumerate(scenes)]
    return processor(list(pictures), annotations=told, return_tensors="pt")


def found(scene: Scene, objects: list[dict[str, Any]]) -> int:
    """Return how many shapes of a scene are among objects that a pipeline found, each once."""
    left = list(objects)
    for (_, shape), box in zip(scene.things, scene.boxes, strict=True):
        for one in left:
            edges = [one["box"][edge] for edge in ("xmin", "ymin", "xmax", "ymax")]
            overlap, _ = box_iou(torch.tensor([box]), torch.tensor([edges]).float())
            if one["label"] == shape and overlap.item() >= 0.5:
                left.remove(one)
                break
    return len(objects) - len(left)


def accuracy(folder: Path, count: int = 500, **options: Any) -> float:
    """Return the share of held-out shapes found, or that of told boxes that are right: the less.

    ``options`` say how the model is loaded.
    """
    model = AutoModelForObjectDetection.from_pretrained(folder, **options)
    detector = pipeline("object-detection", model=model, image_processor=str(folder))
    rng, right, told, there = random.Random(1), 0, 0, 0
    for _ in range(count):
        picture, scene = draw_scene(random_scene(rng, wanted=True), rng)
        objects = detector(picture)
        right += found(scene, objects)
        told, there = told + len(objects), there + len(scene.things)
    return right / max(told, there)


def learn(model: YolosForObjectDetection, batches: Iterator[Any], steps: int, rate: float) -> None:
    """Take ``steps`` steps, whose size rises to ``rate`` and falls to nothing."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.1
    )
    mean = 0.0
    for step, batch in enumerate(itertools.islice(batches, steps), start=1):
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        mean += loss.item() / 100
        if step % 100 == 0:
            print(f"step {step}/{steps}  loss {mean:.4f}", flush=True)
            mean = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the checkpoint goes")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()

    rng, count = random.Random(0), options.steps
    torch.manual_seed(0)
    processor = YolosImageProcessor(size=EDGE, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    model = new_model().train()
    # To look at one shape is learnt first, then to tell several from one another.
    most = itertools.chain((1 + 8 * step // count for step in range(count)), itertools.repeat(MOST))
    batches = (batch_of(rng, processor, options.batch_size, min(MOST, each)) for each in most)
    learn(model, batches, count, 1e-3)
    for absent, steps in ((0.5, count // 2), (1.0, count // 4)):  # at last, to tell each once
        model.config.eos_coefficient = absent
        learn(model, batches, steps, 5e-4)

    model.eval()
    for part in (model, processor):
        part.save_pretrained(options.folder)
    print(f"boxes of held-out scenes right: {accuracy(options.folder):.2%}")


if __name__ == "__main__":
    main()
