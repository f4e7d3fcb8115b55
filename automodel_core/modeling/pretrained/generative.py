"""The base of models with a language-modelling head, which `generate` needs."""

from __future__ import annotations

from automodel_core.generation.mixin import GenerationMixin
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["GenerativePreTrainedModel"]


class GenerativePreTrainedModel(PreTrainedModel, GenerationMixin):
    """A model that generates; what Auto classes of tasks that write texts return."""
