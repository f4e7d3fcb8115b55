"""``audio-classification``: a class for a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.scores import activated, function_named, ranked
from automodel_core.tasks.sounds.hearing import SoundPipeline

__all__ = ["AudioClassificationPipeline"]


class AudioClassificationPipeline(SoundPipeline):
    """Returns label and score of the likeliest classes: ``top_k``, by default 5, or all if None."""

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Name the function that makes scores of logits."""
        return {**options, "function_to_apply": function_named(options.get("function_to_apply"))}

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        return Chunk.of_batch(self.prepared(self.heard(item, timeout)))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"logits": self.output(self.model(**inputs), "logits")}

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
