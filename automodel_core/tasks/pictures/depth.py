"""``depth-estimation``: how far away each pixel of a picture is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.painting import coloured
from automodel_core.vision.images import pillow_image

__all__ = ["DepthEstimationPipeline"]


class DepthEstimationPipeline(PicturePipeline):
    """Returns ``predicted_depth``, a tensor of the picture's size, and ``depth``, a grey picture.

    The picture is 0 where the depth is least and 255 where it is greatest.
    """

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Take the timeout out of ``parameters``, where inference servers put it."""
        parameters = options.pop("parameters", None)
        if isinstance(parameters, Mapping) and "timeout" in parameters:
            options["timeout"] = parameters["timeout"]
        return options

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        pixels = self.seen(item, timeout)
        return Chunk.of_batch(self.prepared(pixels), size=tuple(pixels.shape[-2:]))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"depth": self.output(self.model(**inputs), "predicted_depth")}

    def postprocess(self, chunks: Sequence[Chunk]) -> dict[str, Any]:
        (chunk,) = chunks
        outputs = SimpleNamespace(predicted_depth=chunk.outputs["depth"][None])
        (found,) = self.image_processor.post_process_depth_estimation(
            outputs, [chunk.notes["size"]]
        )
        depth = found["predicted_depth"]
        span = depth.max() - depth.min()
        shades = (depth - depth.min()) / span.where(span > 0, span.new_ones(())) * 255
        return {"predicted_depth": depth, "depth": pillow_image(shades)}

    def painted(self, source: Any, result: Any) -> Any:
        """Return the depths in colours, the least dark, the greatest bright."""
        return coloured(result["depth"])
