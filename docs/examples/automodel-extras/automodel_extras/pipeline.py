"""Answers of the task: a text in, a list of numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.tasks import Chunk, Pipeline


class TextEmbeddingPipeline(Pipeline):
    """Returns the vector of a text; ``digits`` rounds its numbers."""

    needs = ("tokenizer",)
    tokens = 2048  # of a batch, which holds texts of like length

    def preprocess(self, item: str, **tokenizer_options: Any) -> Chunk:
        encoding = self.tokenizer(item, return_token_type_ids=False, **tokenizer_options)
        return Chunk.of(encoding)

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"embeddings": self.model(**inputs).embeddings}

    def postprocess(self, chunks: Sequence[Chunk], *, digits: int | None = None) -> list[float]:
        numbers: list[float] = chunks[0].outputs["embeddings"].tolist()
        return numbers if digits is None else [round(number, digits) for number in numbers]
