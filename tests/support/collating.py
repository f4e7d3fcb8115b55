"""A collator that workers of a loader import."""

from __future__ import annotations

from typing import Any

__all__ = ["Collate"]


class Collate:
    """A collator that encodes, as workers of a loader run it."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, texts: list[str]) -> Any:
        return self.tokenizer(texts, padding=True, return_tensors="pt")
