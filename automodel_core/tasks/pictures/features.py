"""``image-feature-extraction``: the states of a picture's parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.errors import InputError
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline

__all__ = ["ImageFeatureExtractionPipeline"]


class ImageFeatureExtractionPipeline(PicturePipeline):
    """Returns the last hidden states as nested lists ``[1][parts][size]``.

    With ``pool=True`` they are the pooled ones, ``[1][size]``; with ``return_tensors=True`` a
    tensor. Settings of the image processor are given as ``image_processor_kwargs``.
    """

    def preprocess(
        self,
        item: Any,
        *,
        timeout: float | None = None,
        image_processor_kwargs: Mapping[str, Any] | None = None,
    ) -> Chunk:
        pixels = self.seen(item, timeout)
        return Chunk.of_batch(self.prepared(pixels, **(image_processor_kwargs or {})))

    def forward(self, inputs: dict[str, Any], *, pool: bool | None = None) -> Mapping[str, Any]:
        outputs = self.model(**inputs)
        if not pool:
            return {"states": outputs[0]}
        if "pooler_output" not in outputs:
            raise InputError(f"pool=True: {type(self.model).__name__} has no pooled output")
        return {"states": outputs["pooler_output"]}

    def postprocess(self, chunks: Sequence[Chunk], *, return_tensors: bool = False) -> Any:
        (chunk,) = chunks
        states = chunk.outputs["states"][None]
        return states if return_tensors else states.tolist()
