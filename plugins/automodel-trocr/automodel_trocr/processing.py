"""TrOCR's processor: images to model inputs, and texts to labels."""

from __future__ import annotations

from typing import Any

from automodel_core.processing import ProcessorMixin


class TrOCRProcessor(ProcessorMixin):
    """An image processor (ViT's or DeiT's) and a tokenizer; texts beside images become labels."""

    def join(self, features: Any, encoding: Any) -> Any:
        features["labels"] = encoding["input_ids"]
        return features

    @property
    def model_input_names(self) -> list[str]:
        return [*self.image_processor.model_input_names, "labels"]
