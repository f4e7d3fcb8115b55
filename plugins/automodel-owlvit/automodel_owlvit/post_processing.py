"""Objects from what detectors return: boxes that are sure enough, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from automodel_core.detection import center_to_corners, edge_spans, keep_best, sure_objects
from automodel_core.errors import warn_caller

Sizes = Sequence[tuple[int, int]] | Tensor | None
"""Height and width of each image, in pixels."""
FAINTEST = 0.1
"""The share of the best score below which what a query image shows is not found."""
TINY = 1e-6


class BoxQueryPostProcessing:
    """Objects from a score ``(batch, patches, queries)`` and a box for each patch.

    Each result has ``scores``, ``labels``, the numbers of queries, and ``boxes``: left, upper,
    right and lower edge, in pixels of ``target_sizes``, or as shares of the image.
    """

    def spans(self, sizes: Sequence[tuple[int, int]] | Tensor, boxes: Tensor) -> Tensor:
        """Return how many pixels the edges ``(images, 4)`` of boxes are shares of."""
        return edge_spans(sizes, boxes)

    def post_process_object_detection(
        self, outputs: Any, threshold: float = 0.1, target_sizes: Sizes = None
    ) -> list[dict[str, Tensor]]:
        """Return the objects of each image, by the query that fits a patch best."""
        logits, boxes = outputs.logits, outputs.pred_boxes
        spans = None if target_sizes is None else self.spans(target_sizes, boxes)
        return sure_objects(logits.amax(dim=-1).sigmoid(), logits, boxes, threshold, spans)

    def post_process(self, outputs: Any, target_sizes: Sizes) -> list[dict[str, Tensor]]:
        """Return all patches as objects, as transformers 4 did."""
        warn_caller(
            "post_process() is an older name of post_process_object_detection(threshold=0.0)",
            FutureWarning,
        )
        return self.post_process_object_detection(outputs, -1.0, target_sizes)

    def post_process_image_guided_detection(
        self,
        outputs: Any,
        threshold: float = 0.0,
        nms_threshold: float = 0.3,
        target_sizes: Sizes = None,
    ) -> list[dict[str, Any]]:
        """Return what fits the query images: from 0, a tenth of the best score, to 1, the best.

        Boxes that overlap with a better one by more than ``nms_threshold`` are left out; what is
        found has no ``labels``.
        """
        scores = outputs.logits.amax(dim=-1).sigmoid()
        boxes = outputs.target_pred_boxes
        spans = None if target_sizes is None else self.spans(target_sizes, boxes)
        found = []
        for image, of_image in enumerate(scores):
            of_image = of_image.masked_fill(of_image < threshold, 0.0)
            best = of_image.max() + TINY
            shares = ((of_image - best * FAINTEST) / (best * (1 - FAINTEST))).clamp(0.0, 1.0)
            # What is fainter suppresses nothing.
            kept = (shares > 0).nonzero()[:, 0]
            edges = center_to_corners(boxes[image].index_select(0, kept))
            if nms_threshold < 1.0:
                alone = keep_best(edges, of_image[kept], nms_threshold).sort().values
                kept, edges = kept[alone], edges[alone]
            edges = edges if spans is None else edges * spans[image]
            found.append({"scores": shares[kept], "labels": None, "boxes": edges})
        return found
