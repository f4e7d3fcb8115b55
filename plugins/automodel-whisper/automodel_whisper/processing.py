"""Whisper's processor: recordings to spectrograms, texts to labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from automodel_core.processing import FEATURE_EXTRACTOR, TOKENIZER, Part, ProcessorMixin


class WhisperProcessor(ProcessorMixin):
    """A feature extractor and a tokenizer; texts beside recordings become labels."""

    attributes: ClassVar[Mapping[str, Part]] = {
        "feature_extractor": FEATURE_EXTRACTOR,
        "tokenizer": TOKENIZER,
    }

    def join(self, features: Any, encoding: Any) -> Any:
        features["labels"] = encoding["input_ids"]
        return features

    def get_decoder_prompt_ids(
        self, task: str | None = None, language: str | None = None, no_timestamps: bool = True
    ) -> list[tuple[int, int]]:
        """Return the tokens that stand before a text, as the tokenizer's method of this name."""
        tokens: list[tuple[int, int]] = self.tokenizer.get_decoder_prompt_ids(  # type: ignore[attr-defined]
            task=task, language=language, no_timestamps=no_timestamps
        )
        return tokens

    def get_prompt_ids(self, text: str, return_tensors: Any = "np") -> Any:
        """Return a prompt for ``generate``, as the tokenizer's method of this name."""
        tokenizer: Any = self.tokenizer
        return tokenizer.get_prompt_ids(text, return_tensors=return_tensors)
