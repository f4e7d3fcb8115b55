"""``image-to-image``: a picture of a picture, such as a larger or a cleaner one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.vision.images import pillow_image

__all__ = ["ImageToImagePipeline"]


class ImageToImagePipeline(PicturePipeline):
    """Returns a picture, as Pillow's.

    What the image processor has added right and below is cut off.
    """

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        pixels = self.seen(item, timeout)
        given = self.prepared(pixels)
        sizes = pixels.shape[-2:], given["pixel_values"].shape[-2:]
        return Chunk.of_batch(given, own=tuple(sizes[0]), seen=tuple(sizes[1]))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"pixels": self.output(self.model(**inputs), "reconstruction")}

    def postprocess(self, chunks: Sequence[Chunk]) -> Any:
        (chunk,) = chunks
        pixels = chunk.outputs["pixels"].float().clamp(0, 1)
        height, width = (
            made * min(own, seen) // seen
            for made, own, seen in zip(
                pixels.shape[-2:], chunk.notes["own"], chunk.notes["seen"], strict=True
            )
        )
        shades = (pixels[:, :height, :width] * 255).round()
        return pillow_image(shades[0] if len(shades) == 1 else shades)

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture that was made."""
        return result

    def lines(self, result: Any) -> Iterator[str]:
        """Yield how large the picture is."""
        yield f"{result.width} x {result.height} pixels"
