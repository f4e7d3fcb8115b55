"""``zero-shot-object-detection``: where in a picture is what a caller's labels name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.inputs.series import is_lazy, items_of
from automodel_core.tasks.painting import boxed, shown as shown_picture
from automodel_core.tasks.pictures.objects import EDGES

__all__ = ["ZeroShotObjectDetectionPipeline"]

OLDER = "text_queries"
"""What ``candidate_labels`` was called."""
LABELS = "label_"
"""Stands before the names of what the tokenizer makes of labels, of which a picture has several."""


class ZeroShotObjectDetectionPipeline(PicturePipeline):
    """Returns score, label and box of each object that ``candidate_labels`` name, best first.

    Labels are a list, or a text with commas between them. Pictures may have labels of their own: a
    list of lists, or inputs ``{"image": ..., "candidate_labels": ...}``. ``threshold`` leaves out
    what scores no more, ``top_k`` all but the best.
    """

    needs = ("tokenizer", "image_processor")

    def arrange(
        self, image: Any = None, candidate_labels: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Take the labels by keyword or as the second argument; lists of them go to pictures."""
        image = options.pop("inputs", options.pop("images", None)) if image is None else image
        labels = options.pop(OLDER, None) if candidate_labels is None else candidate_labels
        if _are_lists(labels):
            pictures = list(items_of(image)) if isinstance(image, list) or is_lazy(image) else image
            if not isinstance(pictures, list) or len(pictures) != len(labels):
                count = len(pictures) if isinstance(pictures, list) else 1
                raise InputError(f"{len(labels)} lists of labels were given for {count} pictures")
            pairs = zip(pictures, labels, strict=True)
            image = [{"image": one, "candidate_labels": own} for one, own in pairs]
        elif labels is not None:
            options["candidate_labels"] = labels
        return super().arrange(image, *args, **options)

    def preprocess(
        self, item: Any, *, candidate_labels: Any = None, timeout: float | None = None
    ) -> Chunk:
        if isinstance(item, Mapping):
            candidate_labels = item.get("candidate_labels", item.get(OLDER, candidate_labels))
            item = item.get("image")
        labels = _checked(candidate_labels)
        pixels = self.seen(item, timeout)
        texts = self.tokenizer(labels, padding=True, return_tensors="pt")
        given = {f"{LABELS}{name}": value[None] for name, value in texts.items()}
        return Chunk.of_batch(
            {**given, **self.prepared(pixels)}, size=tuple(pixels.shape[-2:]), labels=labels
        )

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        """Look in each picture for its labels, whose texts stand one picture after the other."""
        given = {
            name.removeprefix(LABELS): value.flatten(0, 1) if name.startswith(LABELS) else value
            for name, value in inputs.items()
        }
        outputs = self.model(**given)
        return {name: self.output(outputs, name) for name in ("logits", "pred_boxes")}

    def postprocess(
        self, chunks: Sequence[Chunk], *, threshold: float = 0.1, top_k: int | None = None
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        scores, labels = chunk.outputs["logits"], chunk.notes["labels"]
        # Each label is looked for by itself: a place may show several.
        outputs = SimpleNamespace(
            logits=scores.t()[..., None],
            pred_boxes=chunk.outputs["pred_boxes"].expand(len(labels), -1, -1),
        )
        sizes = [chunk.notes["size"]] * len(labels)
        found = self.image_processor.post_process_object_detection(outputs, threshold, sizes)
        answers = [
            {"score": score, "label": label, "box": dict(zip(EDGES, map(int, box), strict=True))}
            for label, one in zip(labels, found, strict=True)
            for score, box in zip(one["scores"].tolist(), one["boxes"].tolist(), strict=True)
        ]
        return sorted(answers, key=lambda answer: -answer["score"])[: top_k or None]

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture with a frame around each object."""
        image = source["image"] if isinstance(source, Mapping) else source
        return boxed(shown_picture(self.seen(image, None)), result)


def _are_lists(labels: Any) -> bool:
    """Return whether each picture has labels of its own."""
    return isinstance(labels, list | tuple) and any(isinstance(one, list | tuple) for one in labels)


def _checked(labels: Any) -> list[str]:
    """Return the labels of one picture."""
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    if not isinstance(labels, list | tuple) or not labels:
        raise InputError(
            f"candidate_labels={shown(labels)}: give the names of what to look for, one at least"
        )
    return list(labels)
