"""``image-segmentation``: which pixels of a picture show what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.base.scores import label_of
from automodel_core.tasks.painting import overlaid, shown as picture_of
from automodel_core.vision.images import pillow_image

__all__ = ["ImageSegmentationPipeline"]

SUBTASKS = ("panoptic", "instance", "semantic")


class ImageSegmentationPipeline(PicturePipeline):
    """Returns label, score and mask of each segment; a mask is a picture, 255 where the segment is.

    ``subtask`` is ``panoptic``, ``instance`` or ``semantic``, by default the first that the image
    processor knows. Semantic segments have no score. ``threshold`` and the others are of the first
    two.
    """

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        pixels = self.seen(item, timeout)
        return Chunk.of_batch(self.prepared(pixels), size=tuple(pixels.shape[-2:]))

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        subtask: str | None = None,
        threshold: float = 0.9,
        mask_threshold: float = 0.5,
        overlap_mask_area_threshold: float = 0.5,
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        known = dir(self.image_processor)
        names = [name for name in SUBTASKS if subtask in (None, name)]
        found = [n for n in names if f"post_process_{n}_segmentation" in known]
        if not found:
            raise InputError(
                f"subtask={shown(subtask)}: {type(self.image_processor).__name__} knows "
                f"{', '.join(n for n in SUBTASKS if f'post_process_{n}_segmentation' in known)}"
            )
        outputs = SimpleNamespace(
            **{k: v[None] for k, v in chunk.outputs.items() if isinstance(v, Tensor)}
        )
        sizes = [chunk.notes["size"]]
        if found[0] == "semantic":
            (classes,) = self.image_processor.post_process_semantic_segmentation(outputs, sizes)
            return [
                self._segment(classes == number, number, None)
                for number in classes.unique().tolist()
            ]
        name = f"post_process_{found[0]}_segmentation"
        (segments,) = getattr(self.image_processor, name)(
            outputs,
            threshold=threshold,
            mask_threshold=mask_threshold,
            overlap_mask_area_threshold=overlap_mask_area_threshold,
            target_sizes=sizes,
        )
        return [
            self._segment(segments["segmentation"] == one["id"], one["label_id"], one["score"])
            for one in segments["segments_info"]
        ]

    def _segment(self, mask: Tensor, label: int, score: float | None) -> dict[str, Any]:
        return {
            "score": score,
            "label": label_of(self.model.config, label),
            "mask": pillow_image(mask * 255),
        }

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return dict(self.model(**inputs))

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture with each segment in a colour of its own."""
        return overlaid(picture_of(self.seen(source, None)), result)
