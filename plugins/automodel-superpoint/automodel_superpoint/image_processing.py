"""The image processor of SuperPoint, which also places points in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.vision import (
    BaseImageProcessor,
    Resample,
    Resampling,
    Size,
    fixed_size,
)

GREY = (0.2989, 0.5870, 0.1140)
"""How much red, green and blue are in grey."""


class SuperPointImageProcessor(BaseImageProcessor):
    """Resize to 480 x 640, scale to numbers from 0 to 1, and make grey if asked to."""

    default_to_square = False

    do_convert_rgb: bool | None = True
    do_resize: bool | None = True
    size: Size = fixed_size(480, 640)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = False
    do_grayscale: bool | None = False
    """Whether the model, which sees one channel, gets grey instead of red."""

    def transform(self, image: Tensor) -> Tensor:
        image = super().transform(image)
        if not self.do_grayscale or bool((image == image[:1]).all()):
            return image
        red, green, blue = (channel * share for channel, share in zip(image, GREY, strict=True))
        grey: Tensor = red + green + blue
        return grey.expand_as(image)

    def post_process_keypoint_detection(
        self, outputs: Any, target_sizes: Sequence[tuple[int, int]] | Tensor
    ) -> list[dict[str, Tensor]]:
        """Return ``keypoints``, ``scores`` and ``descriptors`` of each image, without padding.

        ``target_sizes`` are the height and width of each picture; ``keypoints`` ``(points, 2)``
        are x and y in its pixels, int32.
        """
        if len(outputs.mask) != len(target_sizes):
            raise InputError(
                f"{len(target_sizes)} target_sizes were given for {len(outputs.mask)} images"
            )
        found = []
        for row, (height, width) in enumerate(target_sizes):
            real = outputs.mask[row].bool()
            edges = torch.tensor([int(width), int(height)], device=real.device)
            found.append(
                {
                    "keypoints": (outputs.keypoints[row][real] * edges).to(torch.int32),
                    "scores": outputs.scores[row][real],
                    "descriptors": outputs.descriptors[row][real],
                }
            )
        return found


SuperPointImageProcessorFast = SuperPointImageProcessorPil = SuperPointImageProcessor
