"""Images to model inputs: `BaseImageProcessor`, its output, and its steps.

Pillow is imported when an image of its kind is given or one is resized; torchvision is not needed.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
