"""The base of models with a language-modelling head and ``generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from automodel_core.generation.mixin import GenerationMixin
from automodel_core.layers.caches.base import Cache
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["GenerativePreTrainedModel"]


@runtime_checkable
class KeepsCache(Protocol):
    """A decoder that says which cache it fills."""

    def new_cache(self) -> Cache: ...


@runtime_checkable
class CountsPositions(Protocol):
    """A decoder that says which position the first token has."""

    @property
    def first_position(self) -> int: ...


class GenerativePreTrainedModel(PreTrainedModel, GenerationMixin):
    """A model with ``generate``: what `AutoModelForCausalLM` and the like return."""

    if TYPE_CHECKING:
        generation_config: GenerationConfig

    def new_cache(self) -> Cache:
        decoder = self.get_decoder()
        if decoder is not self and isinstance(decoder, KeepsCache):
            return decoder.new_cache()
        return super().new_cache()

    @property
    def first_position(self) -> int:
        decoder = self.get_decoder()
        if decoder is not self and isinstance(decoder, CountsPositions):
            return decoder.first_position
        return super().first_position
