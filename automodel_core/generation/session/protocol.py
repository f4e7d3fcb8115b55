"""What decoding needs of a model and of a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from automodel_core.layers.kernels.linear import QuantisedLinear

if TYPE_CHECKING:
    from automodel_core.generation.settings.generation import GenerationConfig
    from automodel_core.layers.caches.base import Cache

__all__ = ["DecoderOutput", "GenerativeModel", "TextDecoder", "Tokenizer", "vocabulary_size"]


class TextConfig(Protocol):
    """The config of the part of a model that generates text.

    ``get`` returns the value of a key that it may lack, or None.
    """

    vocab_size: int
    tie_word_embeddings: bool

    def get(self, key: str) -> Any: ...


class ModelConfig(Protocol):
    """The config of a model, with the config of its text part.

    ``position_limit`` is the number of positions that it has embeddings for, None if unlimited. If
    ``prompts_start_themselves``, a decoder's prompt need not begin with ``decoder_start_token_id``.
    """

    is_encoder_decoder: bool

    @property
    def position_limit(self) -> int | None: ...

    @property
    def prompts_start_themselves(self) -> bool: ...

    def get_text_config(self, decoder: bool = False) -> TextConfig: ...


class DecoderOutput(Protocol):
    """The output of a forward, read by attribute or by name.

    Names of layers' tensors, as ``hidden_states``, give a tuple with a tensor for each layer.
    """

    @property
    def logits(self) -> Tensor: ...

    @property
    def past_key_values(self) -> Cache | None: ...

    def __getitem__(self, name: str) -> Any: ...


class GenerativeModel(Protocol):
    """A model with a language-modelling head, decoder-only or encoder-decoder.

    ``forward`` takes ``return_dict``, as the encoder does, and returns an output with ``logits``
    (rows, length, vocabulary). If it takes ``past_key_values``, it writes the keys and values of
    the tokens it is given into that cache. The decoder of an encoder-decoder may be called with
    several rows for each row of ``encoder_outputs`` and ``attention_mask``: rows of one item follow
    each other. ``new_cache`` returns an empty cache for the decoder; ``score_states`` the logits
    that hidden states of the decoder (rows, length, size) give, as ``forward`` computes them from
    the last ones. ``first_position`` is the position of a text's first token.
    """

    config: ModelConfig
    generation_config: GenerationConfig
    settings_at_start: tuple[Mapping[str, Any], Mapping[str, Any]] | None
    main_input_name: str

    @property
    def first_position(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def forward(self) -> Callable[..., Any]: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def new_cache(self) -> Cache: ...

    def score_states(self, hidden_states: Tensor, cache: Cache | None) -> Tensor: ...

    def get_encoder(self) -> nn.Module: ...

    def get_input_embeddings(self) -> nn.Module: ...

    def get_output_embeddings(self) -> nn.Module | None: ...

    def prepare_inputs_for_generation(self, input_ids: Tensor, **kwargs: Any) -> dict[str, Any]: ...


class TextDecoder(Protocol):
    """The part of a tokenizer that streamers and stop strings need."""

    def decode(self, token_ids: Any, **options: Any) -> str: ...


class Tokenizer(TextDecoder, Protocol):
    """A tokenizer, as token healing and drafts in other tokens need it."""

    @property
    def bos_token_id(self) -> int | None: ...

    @property
    def cls_token_id(self) -> int | None: ...

    @property
    def eos_token_id(self) -> int | None: ...

    @property
    def pad_token_id(self) -> int | None: ...

    def __call__(self, text: str, **options: Any) -> Mapping[str, Any]: ...

    def get_vocab(self) -> dict[str, int]: ...

    def convert_ids_to_tokens(self, ids: Any) -> Any: ...


@runtime_checkable
class _HasOutputLayer(Protocol):
    """A model that shows its output layer; one that is only made to generate need not."""

    def get_output_embeddings(self) -> nn.Module | None: ...


def vocabulary_size(model: GenerativeModel) -> int:
    """Return the number of tokens that the model's decoder knows.

    An encoder may have a vocabulary of its own, which the configuration calls the model's.
    """
    output = model.get_output_embeddings() if isinstance(model, _HasOutputLayer) else None
    if isinstance(output, nn.Linear | QuantisedLinear):
        return output.out_features
    return model.config.get_text_config(decoder=True).vocab_size
