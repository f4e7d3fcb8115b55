"""The Auto class of the task, which type checkers and editors know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.auto import AutoModelBase

if TYPE_CHECKING:
    from automodel_extras.embedding import TextEmbeddingModel  # noqa: F401 - below, in quotes


class AutoModelForTextEmbedding(AutoModelBase["TextEmbeddingModel"], task="text-embedding"):
    """A vector of length 1 for a text."""
