"""``feature-extraction``: the states of a text's tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.errors import InputError
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["FeatureExtractionPipeline"]


class FeatureExtractionPipeline(Pipeline):
    """Returns the last hidden states as nested lists ``[1][tokens][size]``.

    With ``return_tensors=True`` they are a tensor of that shape. Options of the tokenizer are given
    as ``tokenize_kwargs``; ``truncation`` may stand for itself.
    """

    needs = ("tokenizer",)
    per_token = ("states",)
    tokens = 2048

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Put ``truncation`` among the options of the tokenizer."""
        truncation = options.pop("truncation", None)
        if truncation is not None:
            given = options.get("tokenize_kwargs") or {}
            if "truncation" in given:
                raise InputError("truncation is given twice, as itself and in tokenize_kwargs=")
            options["tokenize_kwargs"] = {**given, "truncation": truncation}
        return options

    def preprocess(self, item: Any, *, tokenize_kwargs: Mapping[str, Any] | None = None) -> Chunk:
        if not isinstance(item, str):
            raise InputError(f"a text is a string, got {type(item).__name__}")
        return Chunk.of(self.tokenizer(item, **(tokenize_kwargs or {})))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"states": self.model(**inputs)[0]}

    def postprocess(self, chunks: Sequence[Chunk], *, return_tensors: bool | str = False) -> Any:
        (chunk,) = chunks
        states = chunk.outputs["states"][None]
        return states if return_tensors else states.tolist()
