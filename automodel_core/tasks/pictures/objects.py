"""``object-detection``: what is in a picture, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.base.scores import label_of
from automodel_core.tasks.painting import boxed, shown

__all__ = ["ObjectDetectionPipeline"]

EDGES = ("xmin", "ymin", "xmax", "ymax")


class ObjectDetectionPipeline(PicturePipeline):
    """Returns label, score and box of each object; edges of a box are whole pixels.

    ``threshold`` leaves out objects whose score is not above it.
    """

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        pixels = self.seen(item, timeout)
        return Chunk.of_batch(self.prepared(pixels), size=tuple(pixels.shape[-2:]))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        outputs = self.model(**inputs)
        return {name: self.output(outputs, name) for name in ("logits", "pred_boxes")}

    def postprocess(
        self, chunks: Sequence[Chunk], *, threshold: float = 0.5
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        outputs = SimpleNamespace(**{name: value[None] for name, value in chunk.outputs.items()})
        (found,) = self.image_processor.post_process_object_detection(
            outputs, threshold, [chunk.notes["size"]]
        )
        columns = (found[name].tolist() for name in ("scores", "labels", "boxes"))
        return [
            {
                "score": score,
                "label": label_of(self.model.config, label),
                "box": dict(zip(EDGES, map(int, box), strict=True)),
            }
            for score, label, box in zip(*columns, strict=True)
        ]

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture with a frame around each object."""
        return boxed(shown(self.seen(source, None)), result)
