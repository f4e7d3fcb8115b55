"""The base of video processors: from lists of frames to pixels of videos."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from automodel_core.errors import InputError
from automodel_core.fields import PositiveFloat, PositiveInt
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.vision.image_processor import BaseImageProcessor
from automodel_core.vision.videos import (
    VideoMetadata,
    frame_indices,
    is_video_file,
    metadata_of,
    single_videos,
)

__all__ = ["BaseVideoProcessor"]


class BaseVideoProcessor(BaseImageProcessor):
    """Turns videos into ``(frames, channels, height, width)``, each frame as an image."""

    kind = "video_processor"
    stand_ins = ("image_processor",)
    model_input_names: ClassVar[tuple[str, ...]] = ("pixel_values_videos",)

    do_sample_frames: bool | None = False
    """Whether ``num_frames``, or ``fps`` of each second, are taken of a video, and not all."""
    num_frames: PositiveInt | None = None
    fps: PositiveFloat | None = None

    @classmethod
    def _common_base(cls) -> type:
        return BaseVideoProcessor

    def __call__(  # type: ignore[override]
        self, videos: Any, **kwargs: Any
    ) -> BatchFeature:
        """Return the output of `preprocess`."""
        return self.preprocess(videos, **kwargs)

    def preprocess(  # type: ignore[override]
        self,
        videos: Any,
        *,
        return_tensors: str | TensorType | None = None,
        video_metadata: Any = None,
        return_metadata: bool = False,
        **options: Any,
    ) -> BatchFeature:
        """Return the pixels of videos under the name that the model has for them.

        ``videos`` is a video or lists of them: lists of frames, each an image of any kind, arrays
        or tensors ``(frames, height, width, channels)`` or with the channels second, and paths of
        files, which need ``automodel-core[video]``. ``video_metadata`` says what ``fps`` needs to
        know of frames; ``return_metadata`` adds it to the output, with the frames taken. Further
        options are those of `BaseImageProcessor.preprocess`.
        """
        here = self.overridden(options)
        singles = single_videos(videos)
        if not singles:
            raise InputError("there are no videos to process")
        pixels, seen = [], []
        for video, known in zip(singles, metadata_of(video_metadata, len(singles)), strict=True):
            frames, metadata = here.frames_of(video, known)
            prepared = super().preprocess([[frame] for frame in frames], **options)["pixel_values"]
            sizes = {tuple(frame.shape) for frame in prepared}
            if len(sizes) > 1:
                raise InputError(f"the frames of a video have different shapes: {sorted(sizes)}")
            pixels.append(torch.stack(prepared))
            seen.append(metadata)
        features = BatchFeature({self.model_input_names[0]: pixels}, return_tensors)
        if return_metadata:
            features["video_metadata"] = seen
        return features

    def frames_of(
        self, video: Any, known: VideoMetadata | None = None
    ) -> tuple[list[Any], VideoMetadata]:
        """Return the frames that are taken of a video, and what is known of it."""

        def choose(metadata: VideoMetadata) -> list[int]:
            if not self.do_sample_frames:
                return list(range(metadata.total_num_frames))
            return frame_indices(metadata, self.num_frames, self.fps)

        if is_video_file(video):
            from automodel_core.vision.video_files import decoded_frames

            return decoded_frames(video, choose)
        frames = list(video)
        if not frames:
            raise InputError("a video has no frames")
        metadata = VideoMetadata(len(frames), fps=None if known is None else known.fps)
        taken = metadata.frames_indices = choose(metadata)
        return [frames[index] for index in taken], metadata
