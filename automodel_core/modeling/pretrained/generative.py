"""The base of models with a language-modelling head and ``generate``."""

from __future__ import annotations

from automodel_core.generation.mixin import GenerationMixin
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["GenerativePreTrainedModel"]


class GenerativePreTrainedModel(PreTrainedModel, GenerationMixin):
    """A model with ``generate``: what `AutoModelForCausalLM` and the like return."""
