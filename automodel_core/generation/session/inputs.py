"""From the arguments of ``generate`` to what the model is called with, checked before it runs.

A model declares its inputs: the ``main_input_name``, which may be of any modality, and the
parameters of the encoder's ``forward``. Beside them there may be token ids, the decoder's prompt.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown, warn_caller
from automodel_core.generation.session.cache_choice import as_cache
from automodel_core.generation.session.checks import check_ids, check_mask, check_mask_rows
from automodel_core.generation.session.protocol import GenerativeModel, vocabulary_size
from automodel_core.generation.settings.generation import GenerationConfig, token_ids
from automodel_core.layers.caches.base import Cache

__all__ = ["DecodingInputs", "prepare_inputs"]

NOT_FOR_THE_ENCODER = ("decoder_", "cross_attn", "use_cache", "past_key_values")
"""Prefixes of arguments that an encoder does not get, even if its forward takes any keyword."""


@dataclass
class DecodingInputs:
    """The arguments of the first forward, one row for each item of the batch.

    ``prompt`` (batch, length) are the decoder's tokens, perhaps none if ``first`` has embeddings.
    ``mask`` (batch, length) is the decoder's, None when it hides nothing. ``arguments`` go to every
    forward, ``first`` to the first one only. ``encoder_input_ids`` is None if there are no ids.
    """

    prompt: Tensor
    mask: Tensor | None = None
    position_ids: Tensor | None = None
    token_type_ids: Tensor | None = None
    past_key_values: Cache | None = None
    encoder_arguments: dict[str, Any] | None = None
    encoder_outputs: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    first: dict[str, Any] = field(default_factory=dict)
    encoder_input_ids: Tensor | None = None

    @property
    def first_length(self) -> int:
        """How many positions the first forward sees: of the prompt, or of the embeddings."""
        embeds = self.first.get("inputs_embeds")
        return self.prompt.shape[1] if embeds is None else int(embeds.shape[1])


def prepare_inputs(
    model: GenerativeModel,
    config: GenerationConfig,
    inputs: Tensor | None,
    model_arguments: Mapping[str, Any],
) -> DecodingInputs:
    """Sort the model's arguments; ``inputs`` stands for the one named ``main_input_name``.

    Raise `GenerationArgumentError` for what cannot be right.
    """
    given = {
        name: _on(model.device, value)
        for name, value in model_arguments.items()
        if value is not None
    }
    main = model.main_input_name
    if inputs is not None:
        if main in given:
            raise GenerationArgumentError(f"give the prompt as inputs or as {main}, not as both")
        given[main] = _on(model.device, inputs)
    if main == "input_ids" and main in given:
        may_be_empty = "inputs_embeds" in given and not model.config.is_encoder_decoder
        rows = cast(Tensor, model.get_input_embeddings().weight).shape[0]
        check_ids(given[main], main, rows, may_be_empty=may_be_empty)
    if model.config.is_encoder_decoder:
        return _encoder_decoder_inputs(model, config, given)
    return _decoder_inputs(model, config, given)


def _on(device: torch.device, value: Any) -> Any:
    return value.to(device) if isinstance(value, Tensor) and value.device != device else value


def _bos_prompt(model: GenerativeModel, config: GenerationConfig, batch: int) -> Tensor:
    if config.bos_token_id is None:
        raise GenerationArgumentError(
            "there is no prompt: give input_ids, or set bos_token_id to start from nothing"
        )
    return torch.full((batch, 1), config.bos_token_id, dtype=torch.long, device=model.device)


def _batch_of(given: Mapping[str, Any]) -> int:
    sizes = [value.shape[0] for value in given.values() if isinstance(value, Tensor) and value.ndim]
    return sizes[0] if sizes else 1


# ---- decoder ----


def _decoder_inputs(
    model: GenerativeModel, config: GenerationConfig, given: dict[str, Any]
) -> DecodingInputs:
    cache = as_cache(given.pop("past_key_values", None))
    embeds = given.pop("inputs_embeds", None)
    ids = given.pop("input_ids", None)
    if embeds is not None and embeds.dim() != 3:
        raise GenerationArgumentError(
            f"inputs_embeds must have shape (batch, length, hidden), not {tuple(embeds.shape)}"
        )
    if ids is None and embeds is not None:
        ids = torch.zeros((embeds.shape[0], 0), dtype=torch.long, device=model.device)
    elif ids is None:
        ids = _bos_prompt(model, config, _batch_of(given))
    prepared = DecodingInputs(
        prompt=ids,
        position_ids=given.pop("position_ids", None),
        token_type_ids=given.pop("token_type_ids", None),
        past_key_values=cache,
        first={} if embeds is None else {"inputs_embeds": embeds},
        encoder_input_ids=ids if ids.shape[1] else None,
    )
    mask = given.pop("attention_mask", None)
    if mask is None:
        mask = _mask_of_padding(config, ids)
    else:
        cached = 0 if cache is None else cache.get_seq_length()
        length = prepared.first_length
        covers_cache = isinstance(mask, Tensor) and mask.shape[-1] == cached + length
        expected = cached + length if covers_cache else length
        check_mask(mask, "attention_mask", (ids.shape[0], expected))
    if mask is not None:
        _warn_of_right_padding(mask)
        prepared.mask = mask
    prepared.arguments = given
    return prepared


def _mask_of_padding(config: GenerationConfig, ids: Tensor) -> Tensor | None:
    """Return the mask that hides padding, if the padding token can mean nothing else."""
    pad, ends = config.pad_token_id, token_ids(config.eos_token_id)
    if pad is None and ends and ids.shape[0] > 1:
        warn_caller(
            "a batch without attention_mask and without pad_token_id: padding cannot be told from "
            "text, so everything is read as text; pass attention_mask"
        )
    if pad is None or pad in ends or ids.shape[1] == 0:
        return None
    return ids.ne(pad).long()


def _warn_of_right_padding(mask: Tensor) -> None:
    if mask.shape[0] > 1 and bool((mask[:, -1] == 0).any()):
        warn_caller(
            "the prompts of a decoder are padded on the right, so the model continues padding; "
            "pad on the left (tokenizer.padding_side = 'left')"
        )


# ---- encoder-decoder ----


def _encoder_decoder_inputs(
    model: GenerativeModel, config: GenerationConfig, given: dict[str, Any]
) -> DecodingInputs:
    outputs = given.pop("encoder_outputs", None)
    name = "inputs_embeds" if "inputs_embeds" in given else model.main_input_name
    source = given.pop(name, None)
    if name == "inputs_embeds" and model.main_input_name in given:
        raise GenerationArgumentError(f"give {model.main_input_name} or inputs_embeds, not both")
    if outputs is not None:
        batch = _last_hidden_state(outputs).shape[0]
    else:
        if source is None:
            source = _bos_prompt(model, config, _batch_of(given))
        batch = source.shape[0]
    mask = given.get("attention_mask")
    if mask is not None:
        if name in ("input_ids", "inputs_embeds"):
            like = _last_hidden_state(outputs) if source is None else source
            check_mask(mask, "attention_mask", (batch, like.shape[1]))
        else:  # other inputs have lengths that only the model knows
            check_mask_rows(mask, batch)
        if bool((mask == 1).all()):
            del given["attention_mask"]
    decoder_ids = given.pop("decoder_input_ids", None)
    if decoder_ids is None and model.main_input_name != "input_ids":
        decoder_ids = given.pop("input_ids", None)
    prepared = DecodingInputs(
        prompt=torch.empty(0),
        position_ids=given.pop("decoder_position_ids", None),
        past_key_values=as_cache(given.pop("past_key_values", None)),
        encoder_outputs=outputs,
        encoder_input_ids=source if name == "input_ids" else None,
    )
    if outputs is None:
        prepared.encoder_arguments = {name: source, **_encoder_arguments(model, given)}
    decoder_mask = given.pop("decoder_attention_mask", None)
    prepared.prompt, prepared.mask = _decoder_prompt(
        model, config, batch, decoder_ids, decoder_mask
    )
    prepared.arguments = given
    return prepared


def _last_hidden_state(outputs: Any) -> Tensor:
    state = outputs[0] if isinstance(outputs, (tuple, list)) else outputs.last_hidden_state
    if not isinstance(state, Tensor) or state.dim() != 3:
        raise GenerationArgumentError(
            f"encoder_outputs must hold states (batch, length, hidden), not {shown(outputs)}"
        )
    return state


def _encoder_arguments(model: GenerativeModel, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that the encoder's forward takes."""
    parameters = inspect.signature(model.get_encoder().forward).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {
        name: value
        for name, value in given.items()
        if not name.startswith(NOT_FOR_THE_ENCODER) and (takes_any or name in parameters)
    }


def _decoder_prompt(
    model: GenerativeModel,
    config: GenerationConfig,
    batch: int,
    ids: Tensor | None,
    mask: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """Return the decoder's prompt and its mask: the start token, then ``ids`` if there are any."""
    start = _decoder_start(model, config, batch)
    if ids is None:
        return start, None
    check_ids(ids, "decoder_input_ids", vocabulary_size(model))
    if ids.shape[0] != batch:
        raise GenerationArgumentError(
            f"decoder_input_ids has {ids.shape[0]} rows, the encoder's input {batch}"
        )
    if mask is not None:
        check_mask(mask, "decoder_attention_mask", tuple(ids.shape))
    if not model.config.prompts_start_themselves and bool((ids[:, :1] != start).all()):
        ids = torch.cat([start, ids], dim=1)
        if mask is not None:
            mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
    return ids, mask


def _decoder_start(model: GenerativeModel, config: GenerationConfig, batch: int) -> Tensor:
    start = config.decoder_start_token_id
    start = config.bos_token_id if start is None else start
    if start is None:
        raise GenerationArgumentError(
            "there is no token to start from: set decoder_start_token_id or bos_token_id"
        )
    ids = token_ids(start)
    if len(ids) not in (1, batch):
        raise GenerationArgumentError(
            f"decoder_start_token_id names {len(ids)} tokens for a batch of {batch}: "
            "give one, or one a row"
        )
    return torch.tensor(ids, dtype=torch.long, device=model.device).view(-1, 1).expand(batch, 1)
