"""From scores of classes to labels, the likeliest first."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["ScoringPipeline", "activated", "function_named", "label_of", "ranked"]

FUNCTIONS = ("sigmoid", "softmax", "none")


def function_named(function: Any) -> str | None:
    """Return ``"sigmoid"``, ``"softmax"`` or ``"none"``, whatever case or enumeration names it."""
    if function is None:
        return None
    name = str(function.value if isinstance(function, Enum) else function).lower()
    if name not in FUNCTIONS:
        raise InputError(
            f"function_to_apply={shown(function)} is not known; it is one of {', '.join(FUNCTIONS)}"
        )
    return name


def activated(logits: Tensor, function: str | None, config: Any, *, numbers: bool) -> Tensor:
    """Return scores of logits by a function, or by the one that fits the model's labels.

    ``numbers`` says whether ``problem_type="regression"`` leaves the logits as they are.
    """
    if function is None:
        if numbers and config.problem_type == "regression":
            function = "none"
        elif config.problem_type == "multi_label_classification" or config.num_labels == 1:
            function = "sigmoid"
        else:
            function = "softmax"
    if function == "none":
        return logits
    return logits.sigmoid() if function == "sigmoid" else logits.softmax(dim=-1)


def label_of(config: Any, index: int) -> str:
    """Return the name of a class."""
    labels: Mapping[int, str] = config.id2label
    return labels.get(index, f"LABEL_{index}")


def ranked(scores: Tensor, config: Any, top_k: int | None = None) -> list[dict[str, Any]]:
    """Return label and score of each class, the likeliest first, at most ``top_k``."""
    found = [
        {"label": label_of(config, index), "score": score}
        for index, score in enumerate(scores.tolist())
    ]
    found.sort(key=lambda one: -one["score"])
    return found[:top_k]


class ScoringPipeline(Pipeline):
    """Scores classes by ``logits``, which ``function_to_apply`` makes scores of."""

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Name the function that makes scores of logits."""
        return {**options, "function_to_apply": function_named(options.get("function_to_apply"))}

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"logits": self.output(self.model(**inputs), "logits")}
