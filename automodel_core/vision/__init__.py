"""Images to model inputs: `BaseImageProcessor`, what it returns, and the steps that it is made of.

Pillow is imported when an image of its kind is given or one is resized; torchvision is not needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_core.vision.features import BatchFeature as BatchFeature
    from automodel_core.vision.image_processor import BaseImageProcessor as BaseImageProcessor
    from automodel_core.vision.settings import Resampling as Resampling

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "features": ("BatchFeature",),
        "image_processor": ("BaseImageProcessor",),
        "settings": ("Resampling",),
    },
)
