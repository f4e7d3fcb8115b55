"""The processor of speech models: waveforms in, texts as labels and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from automodel_core.preprocessing import BatchFeature
from automodel_core.processing import FEATURE_EXTRACTOR, TOKENIZER, Part, ProcessorMixin
from automodel_core.text import BatchEncoding


class Wav2Vec2Processor(ProcessorMixin):
    """A feature extractor and a CTC tokenizer; ``text`` beside ``audio`` becomes ``labels``."""

    attributes: ClassVar[Mapping[str, Part]] = {
        "feature_extractor": FEATURE_EXTRACTOR,
        "tokenizer": TOKENIZER,
    }

    def join(self, features: BatchFeature, encoding: BatchEncoding) -> BatchFeature:
        features["labels"] = encoding["input_ids"]
        return features

    def pad(self, input_features: Any = None, *args: Any, labels: Any = None, **kwargs: Any) -> Any:
        """Return padded inputs, padded labels, or both, as a collator for training wants them.

        ``input_features`` go to the feature extractor's `pad`, ``labels`` to the tokenizer's.
        """
        padded = None
        if input_features is not None:
            padded = self.feature_extractor.pad(input_features, *args, **kwargs)
        if labels is None:
            return padded
        encoded = self.tokenizer.pad(labels, **kwargs)
        if padded is None:
            return encoded
        padded["labels"] = encoded["input_ids"]
        return padded

    @property
    def model_input_names(self) -> list[str]:
        return [*self.feature_extractor.model_input_names, "labels"]
