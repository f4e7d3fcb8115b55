"""``keypoint-detection``: the points of a picture that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.painting import dotted, shown

__all__ = ["KeypointDetectionPipeline"]


class KeypointDetectionPipeline(PicturePipeline):
    """Returns ``x``, ``y`` (in pixels) and ``score`` of each point, the surest first.

    ``threshold`` leaves out points that are less sure, ``top_k`` keeps that many. With
    ``return_tensors=True`` the result is a dict of tensors: ``keypoints``, ``scores``,
    ``descriptors``.
    """

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        pixels = self.seen(item, timeout)
        return Chunk.of_batch(self.prepared(pixels), size=tuple(pixels.shape[-2:]))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        outputs = self.model(**inputs)
        names = ("keypoints", "scores", "descriptors", "mask")
        return {name: self.output(outputs, name) for name in names}

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        threshold: float = 0.0,
        top_k: int | None = None,
        return_tensors: bool = False,
    ) -> Any:
        (chunk,) = chunks
        outputs = SimpleNamespace(**{name: value[None] for name, value in chunk.outputs.items()})
        (found,) = self.image_processor.post_process_keypoint_detection(
            outputs, [chunk.notes["size"]]
        )
        order = found["scores"].argsort(descending=True, stable=True)
        order = order[found["scores"][order] >= threshold][:top_k]
        found = {name: values[order] for name, values in found.items()}
        if return_tensors:
            return found
        return [
            {"score": score, "x": x, "y": y}
            for score, (x, y) in zip(
                found["scores"].tolist(), found["keypoints"].tolist(), strict=True
            )
        ]

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture with a ring around each point."""
        return dotted(shown(self.seen(source, None)), result)
