"""CLIP's processor: images and texts to the inputs of both towers."""

from __future__ import annotations

from automodel_core.processing import ProcessorMixin


class CLIPProcessor(ProcessorMixin):
    """An image processor and a tokenizer; their outputs stand side by side."""
