"""``image-classification``: a class for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.base.scores import ScoringPipeline, activated, ranked

__all__ = ["ImageClassificationPipeline"]


class ImageClassificationPipeline(ScoringPipeline, PicturePipeline):
    """Returns label and score of the likeliest classes: ``top_k``, by default 5."""

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        return Chunk.of_batch(self.prepared(self.seen(item, timeout)))

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        function_to_apply: str | None = None,
        top_k: int | None = 5,
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        config = self.model.config
        scores = activated(chunk.outputs["logits"], function_to_apply, config, numbers=False)
        return ranked(scores, config, 5 if top_k is None else top_k)
