"""ViLT's processor: images and texts to the inputs of one stack."""

from __future__ import annotations

from automodel_core.processing import ProcessorMixin


class ViltProcessor(ProcessorMixin):
    """An image processor and BERT's tokenizer; their outputs stand side by side."""
