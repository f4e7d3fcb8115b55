"""What ``generate`` needs of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

__all__ = ["GenerativeModel"]


class GenerativeModel(Protocol):
    """A model with a language-modelling head, decoder-only or encoder-decoder.

    ``forward`` takes ``return_dict``, as the encoder does, and returns an output with ``logits``
    (rows, length, vocabulary). If it takes ``past_key_values``, it writes the keys and values of
    the tokens it is given into that cache. The decoder of an encoder-decoder may be called with
    several rows for each row of ``encoder_outputs`` and ``attention_mask``: rows of one item follow
    each other. ``score`` returns the logits that hidden states of the decoder (rows, length, size)
    give, as ``forward`` makes them of the last ones.
    """

    config: Any
    generation_config: Any
    main_input_name: str

    @property
    def device(self) -> torch.device: ...

    @property
    def forward(self) -> Callable[..., Any]: ...

    @property
    def __call__(self) -> Callable[..., Any]: ...

    def score(self, hidden_states: Any, cache: Any) -> Any: ...

    def get_encoder(self) -> Any: ...

    def get_input_embeddings(self) -> Any: ...

    def get_output_embeddings(self) -> Any: ...

    def prepare_inputs_for_generation(self, input_ids: Any, **kwargs: Any) -> dict[str, Any]: ...
