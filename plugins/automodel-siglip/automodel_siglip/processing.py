"""SigLIP's processor: images and texts to the inputs of both towers."""

from __future__ import annotations

from automodel_core.processing import ProcessorMixin


class SiglipProcessor(ProcessorMixin):
    """An image processor and a tokenizer; texts need ``padding="max_length"``."""
