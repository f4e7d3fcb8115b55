"""``video-classification``: a class for a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automodel_core.errors import InputError, warn_caller
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.scores import ScoringPipeline, activated, ranked
from automodel_core.tasks.inputs.videos import frames, places
from automodel_core.vision.images import is_array

__all__ = ["VideoClassificationPipeline"]


class VideoClassificationPipeline(ScoringPipeline):
    """Returns label and score of the likeliest classes: ``top_k``, by default 5.

    A video is a list of frames, an array ``(frames, height, width, 3)``, or a file or address,
    which PyAV decodes. ``num_frames`` of it are seen, every ``frame_sampling_rate``-th.
    """

    needs = ("image_processor",)

    def arrange(
        self, inputs: Any = None, *args: Any, videos: Any = None, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Tell one video, whose frames may be a list, from several."""
        if videos is not None:
            warn_caller("videos= is called inputs= now", FutureWarning)
            inputs = videos
        if inputs is None or args:
            raise InputError("give one video, or one list of them")
        pictures = isinstance(inputs, list) and bool(inputs) and _is_frame(inputs[0])
        return tuple(inputs) if pictures else inputs, options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Name the function that makes scores of logits."""
        named = super().settled(options)
        return {**named, "function_to_apply": named["function_to_apply"] or "softmax"}

    def preprocess(
        self, item: Any, *, num_frames: int | None = None, frame_sampling_rate: int = 1
    ) -> Chunk:
        count = self.model.config.num_frames if num_frames is None else num_frames
        seen = frames(item, places(count, frame_sampling_rate))
        inputs = self.image_processor(seen, return_tensors="pt", input_data_format="channels_first")
        return Chunk.of_batch(inputs)

    def postprocess(
        self, chunks: Sequence[Chunk], *, function_to_apply: str = "softmax", top_k: int = 5
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        config = self.model.config
        logits = chunk.outputs["logits"]
        return ranked(activated(logits, function_to_apply, config, numbers=False), config, top_k)


def _is_frame(one: Any) -> bool:
    """Return whether the first of a list is a frame: no video, and no file's name."""
    if is_array(one):
        return bool(one.ndim < 4)
    return not isinstance(one, list | tuple | str | bytes)
