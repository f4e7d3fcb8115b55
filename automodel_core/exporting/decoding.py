"""Decoding as functions of tensors alone, which ``torch.export`` and ONNX can take.

`DecodingStep` reads one new token a row. All that it knows of the text so far goes in and comes
out: keys and values in tensors of fixed sizes. An encoder runs once, by a `DecodingStart`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.compiled import CompiledCache, why_not_compiled

__all__ = ["DecodingStart", "DecodingStep", "decode_greedily"]

Tensors = tuple[Tensor, ...]
Step = Callable[..., Any]


class DecodingStart(nn.Module):
    """The encoder, and what the decoder's layers make of its states once a text."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not model.config.is_encoder_decoder:
            raise InputError(f"{type(model).__name__} has no encoder to start with")
        self.model = model

    def forward(self, main_input: Tensor, attention_mask: Tensor | None = None) -> Tensors:
        """Return the context: keys and values ``(batch, heads, length, size)``, layer by layer.

        ``main_input`` is what the encoder reads: token ids or images.
        """
        inputs = {self.model.main_input_name: main_input}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask
        _, cache = _first_step(self.model, inputs)
        return tuple(t for layer in cache.layers for t in layer.cross_attn.tensors or ())


class DecodingStep(nn.Module):
    """One new token a row, with room for ``max_cache_len`` of them.

    An encoder-decoder is also given ``inputs``, an example of what its encoder reads. Raises
    `InputError` for more room than the model has positions, and for a model whose layers keep
    something of no fixed size.
    """

    def __init__(self, model: Any, max_cache_len: int, **inputs: Tensor) -> None:
        super().__init__()
        if not model.can_generate():
            raise InputError(f"{type(model).__name__} does not generate")
        limit = model.config.get_text_config(decoder=True).position_limit
        if limit is not None and max_cache_len > limit:
            raise InputError(f"max_cache_len={max_cache_len} is more than the model's {limit}")
        if model.config.is_encoder_decoder and not inputs:
            raise InputError(
                f"{type(model).__name__} has an encoder: give an example of what it reads, such "
                "as input_ids=torch.ones(1, 2, dtype=torch.long)"
            )
        self.model = model
        with torch.no_grad():
            output, cache = _first_step(model, inputs)
        kind = why_not_compiled(cache)
        if kind is not None:
            raise InputError(f"{type(model).__name__} keeps a {kind}, which has no fixed size")
        self._form = CompiledCache(cache, max_cache_len, cache.context_length)
        states = output.get("encoder_last_hidden_state")
        self._encoder_size = 0 if states is None else int(states.shape[-1])

    def empty_cache(self, batch_size: int = 1) -> Tensors:
        """Return the cache before the first token."""
        buffers = self._form.state_buffers()
        return tuple(buffer.new_zeros(batch_size, *buffer.shape[1:]) for buffer in buffers)

    def forward(
        self,
        input_ids: Tensor,
        position: Tensor,
        cache: Sequence[Tensor],
        context: Sequence[Tensor] = (),
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensors]:
        """Return the scores ``(batch, vocabulary)`` of the next token, and the cache with this one.

        ``input_ids`` are ``(batch, 1)``, ``position`` a number. ``context`` is what `DecodingStart`
        returned, and ``attention_mask`` ``(batch, length)`` hides padding: of the encoder's input,
        or else of a decoder's whole room ``(batch, max_cache_len)``.
        """
        copies = [tensor.clone() for tensor in cache]
        held = self._form.over(position, copies, context)
        arguments: dict[str, Any] = {"past_key_values": held, "use_cache": True}
        if context:
            states = (
                context[0]
                .new_zeros(1, 1, 1)
                .expand(input_ids.shape[0], context[0].shape[2], self._encoder_size)
            )
            arguments.update(decoder_input_ids=input_ids, encoder_outputs=(states,))
        else:
            arguments["input_ids"] = input_ids
        if attention_mask is not None:
            arguments["attention_mask"] = attention_mask
        if attention_mask is not None and not context:
            shown = attention_mask.long().cumsum(dim=1).index_select(1, position[None])
            arguments["position_ids"] = (shown - 1).clamp(min=0) + self.model.first_position
        logits: Tensor = self.model(**arguments).logits
        return logits[:, -1], tuple(held.state_buffers())


def _first_step(model: Any, inputs: dict[str, Tensor]) -> tuple[Any, Cache]:
    """Return a model's output for one token a row, and the cache that it filled."""
    name = "decoder_input_ids" if inputs else "input_ids"
    batch = next((value.shape[0] for value in inputs.values()), 1)
    token = torch.zeros(batch, 1, dtype=torch.long, device=model.device)
    cache: Cache = model.new_cache()
    return model(**inputs, **{name: token}, past_key_values=cache, use_cache=True), cache


def decode_greedily(
    step: Step,
    prompt: Tensor,
    cache: Sequence[Tensor],
    max_new_tokens: int,
    context: Sequence[Tensor] = (),
    attention_mask: Tensor | None = None,
    eos_token_id: int | None = None,
) -> Tensor:
    """Return a ``prompt`` ``(batch, length)`` with the most likely tokens behind it.

    ``step`` is a `DecodingStep`, or a program made of one. Padding of the prompt stands before it.
    It ends when every row has had ``eos_token_id``.
    """
    rest: tuple[Any, ...] = (tuple(context), attention_mask)
    if attention_mask is None:
        rest = rest[:1] if context else ()
    tokens, ended = prompt, torch.zeros(prompt.shape[0], dtype=torch.bool, device=prompt.device)
    for place in range(prompt.shape[1] + max_new_tokens - 1):
        position = torch.tensor(place, device=prompt.device)
        with torch.no_grad():
            scores, cache = step(tokens[:, place : place + 1], position, tuple(cache), *rest)
        if place + 1 < prompt.shape[1]:
            continue
        best = scores.argmax(dim=-1)
        tokens = torch.cat([tokens, best[:, None]], dim=1)
        ended |= best == eos_token_id if eos_token_id is not None else False
        if bool(ended.all()):
            break
    return tokens
