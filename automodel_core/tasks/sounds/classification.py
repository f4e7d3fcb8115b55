"""``audio-classification``: a class for a recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.scores import ScoringPipeline, activated, ranked
from automodel_core.tasks.sounds.hearing import SoundPipeline

__all__ = ["AudioClassificationPipeline"]


class AudioClassificationPipeline(ScoringPipeline, SoundPipeline):
    """Returns label and score of the likeliest classes: ``top_k``, by default 5, or all if None."""

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        return Chunk.of_batch(self.prepared(self.heard(item, timeout)))

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        function_to_apply: str | None = None,
        top_k: int | None = 5,
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        config = self.model.config
        scores = activated(chunk.outputs["logits"], function_to_apply, config, numbers=True)
        return ranked(scores, config, top_k)
