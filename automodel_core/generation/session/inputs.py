"""From the arguments of ``generate`` to what the model is called with, checked before it runs."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["DecodingInputs", "check_ids", "check_mask", "prepare_inputs", "token_ids"]

NOT_FOR_THE_ENCODER = ("decoder_", "cross_attn", "use_cache", "past_key_values")


@dataclass
class DecodingInputs:
    """What the first forward needs, one row for each item of the batch.

    ``prompt`` (batch, length) are the decoder's tokens, perhaps none if ``first`` has embeddings.
    ``mask`` (batch, length) is the decoder's, None when it hides nothing. ``arguments`` go to every
    forward, ``first`` to the first one only. ``encoder_input_ids`` is None if there are no ids.
    """

    prompt: Tensor
    mask: Tensor | None = None
    position_ids: Tensor | None = None
    token_type_ids: Tensor | None = None
    past_key_values: Any = None
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


def token_ids(setting: int | list[int] | Tensor | None) -> tuple[int, ...]:
    """Return a setting that may be one token id or several as a tuple."""
    if setting is None:
        return ()
    if isinstance(setting, Tensor):
        setting = setting.flatten().tolist()
    return (setting,) if isinstance(setting, int) else tuple(setting)


def prepare_inputs(
    model: GenerativeModel,
    config: GenerationConfig,
    inputs: Tensor | None,
    model_kwargs: Mapping[str, Any],
) -> DecodingInputs:
    """Sort the arguments of ``generate``; raise for what cannot be right."""
    kwargs = {name: value for name, value in model_kwargs.items() if value is not None}
    kwargs = {name: _on(model.device, value) for name, value in kwargs.items()}
    main = model.main_input_name
    if inputs is not None and main in kwargs:
        raise GenerationArgumentError(f"give the prompt as inputs or as {main}, not as both")
    inputs = kwargs.pop(main, None) if inputs is None else _on(model.device, inputs)
    if inputs is not None and main == "input_ids":
        limit = model.get_input_embeddings().weight.shape[0]
        check_ids(
            inputs, main, limit, empty=not model.config.is_encoder_decoder and _embeds(kwargs)
        )
    if model.config.is_encoder_decoder:
        return _for_encoder_decoder(model, config, inputs, kwargs)
    return _for_decoder(model, config, inputs, kwargs)


def _on(device: torch.device, value: Any) -> Any:
    return value.to(device) if isinstance(value, Tensor) and value.device != device else value


def _embeds(kwargs: Mapping[str, Any]) -> bool:
    return "inputs_embeds" in kwargs


def check_ids(ids: Any, name: str, vocabulary: int, empty: bool = False) -> None:
    """Raise unless ``ids`` (batch, length) are tokens of the vocabulary."""
    if not isinstance(ids, Tensor) or ids.dim() != 2 or ids.is_floating_point():
        what = f"{tuple(ids.shape)} of {ids.dtype}" if isinstance(ids, Tensor) else shown(ids)
        raise GenerationArgumentError(
            f"{name} must be token ids of shape (batch, length), not {what}"
        )
    if ids.shape[0] == 0 or (ids.shape[1] == 0 and not empty):
        raise GenerationArgumentError(f"{name} is empty: its shape is {tuple(ids.shape)}")
    if ids.shape[1] == 0:
        return
    low, high = torch.stack(ids.aminmax()).tolist()
    if low < 0 or high >= vocabulary:
        wrong = low if low < 0 else high
        raise GenerationArgumentError(
            f"{name} holds token id {wrong}; the model's are 0 to {vocabulary - 1}"
        )


def check_mask(mask: Any, name: str, shape: tuple[int, ...]) -> None:
    """Raise unless a mask has the shape that its input has."""
    if not isinstance(mask, Tensor) or tuple(mask.shape) != shape:
        what = tuple(mask.shape) if isinstance(mask, Tensor) else shown(mask)
        raise GenerationArgumentError(
            f"{name} must have shape {shape}, as its input has, not {what}"
        )


def _bos_prompt(model: GenerativeModel, config: GenerationConfig, batch: int) -> Tensor:
    if config.bos_token_id is None:
        raise GenerationArgumentError(
            "there is no prompt: give input_ids, or set bos_token_id to start from nothing"
        )
    return torch.full((batch, 1), config.bos_token_id, dtype=torch.long, device=model.device)


def _batch_of(kwargs: Mapping[str, Any]) -> int:
    sizes = [
        value.shape[0] for value in kwargs.values() if isinstance(value, Tensor) and value.ndim
    ]
    return sizes[0] if sizes else 1


# ---- decoder-only ----


def _for_decoder(
    model: GenerativeModel, config: GenerationConfig, ids: Tensor | None, kwargs: dict[str, Any]
) -> DecodingInputs:
    cache = kwargs.pop("past_key_values", None)
    embeds = kwargs.pop("inputs_embeds", None)
    if embeds is not None and embeds.dim() != 3:
        raise GenerationArgumentError(
            f"inputs_embeds must have shape (batch, length, hidden), not {tuple(embeds.shape)}"
        )
    if ids is None and embeds is not None:
        ids = torch.zeros((embeds.shape[0], 0), dtype=torch.long, device=model.device)
    elif ids is None:
        ids = _bos_prompt(model, config, _batch_of(kwargs))
    prepared = DecodingInputs(
        prompt=ids,
        position_ids=kwargs.pop("position_ids", None),
        token_type_ids=kwargs.pop("token_type_ids", None),
        past_key_values=cache,
        first={} if embeds is None else {"inputs_embeds": embeds},
        encoder_input_ids=ids if ids.shape[1] else None,
    )
    mask = kwargs.pop("attention_mask", None)
    if mask is None:
        mask = _mask_of_padding(config, ids)
    else:
        seen = 0 if cache is None else cache.get_seq_length()
        length = prepared.first_length
        continues = isinstance(mask, Tensor) and mask.shape[-1] == seen + length
        check_mask(mask, "attention_mask", (ids.shape[0], seen + length if continues else length))
    if mask is not None:
        _warn_of_right_padding(mask, config)
        prepared.mask = mask
    prepared.arguments = kwargs
    return prepared


def _mask_of_padding(config: GenerationConfig, ids: Tensor) -> Tensor | None:
    """Return the mask that hides padding, if the padding token can mean nothing else."""
    pad, ends = config.pad_token_id, token_ids(config.eos_token_id)
    if pad is None and ends and ids.shape[0] > 1:
        warnings.warn(
            "a batch without attention_mask and without pad_token_id: padding cannot be told from "
            "text, so everything is read as text; pass attention_mask",
            stacklevel=5,
        )
    if pad is None or pad in ends or ids.shape[1] == 0:
        return None
    return ids.ne(pad).long()


def _warn_of_right_padding(mask: Tensor, config: GenerationConfig) -> None:
    if mask.shape[0] > 1 and bool((mask[:, -1] == 0).any()):
        warnings.warn(
            "the prompts of a decoder are padded on the right, so the model continues padding; "
            "pad on the left (tokenizer.padding_side = 'left')",
            stacklevel=5,
        )


# ---- encoder-decoder ----


def _for_encoder_decoder(
    model: GenerativeModel, config: GenerationConfig, inputs: Any, kwargs: dict[str, Any]
) -> DecodingInputs:
    outputs = kwargs.pop("encoder_outputs", None)
    embeds = kwargs.pop("inputs_embeds", None)
    if embeds is not None and inputs is not None:
        raise GenerationArgumentError("give input_ids or inputs_embeds, not both")
    name = model.main_input_name if embeds is None else "inputs_embeds"
    source = inputs if embeds is None else embeds
    if outputs is not None:
        batch = _last_hidden_state(outputs).shape[0]
    else:
        if source is None:
            source = _bos_prompt(model, config, _batch_of(kwargs))
        batch = source.shape[0]
    mask = kwargs.get("attention_mask")
    if mask is not None:
        if name in ("input_ids", "inputs_embeds"):
            like = _last_hidden_state(outputs) if source is None else source
            check_mask(mask, "attention_mask", (like.shape[0], like.shape[1]))
        if bool((mask == 1).all()):
            del kwargs["attention_mask"]
    prepared = DecodingInputs(
        prompt=torch.empty(0),
        past_key_values=kwargs.pop("past_key_values", None),
        encoder_outputs=outputs,
        encoder_input_ids=source if name == "input_ids" else None,
    )
    if outputs is None:
        prepared.encoder_arguments = {name: source, **_encoder_arguments(model, kwargs)}
    decoder_ids = kwargs.pop("decoder_input_ids", None)
    if decoder_ids is None and model.main_input_name != "input_ids":
        decoder_ids = kwargs.pop("input_ids", None)
    decoder_mask = kwargs.pop("decoder_attention_mask", None)
    start = _decoder_start(model, config, batch)
    if decoder_ids is None:
        prepared.prompt = start
    else:
        vocabulary = model.config.get_text_config(decoder=True).vocab_size
        check_ids(decoder_ids, "decoder_input_ids", vocabulary)
        if decoder_ids.shape[0] != batch:
            raise GenerationArgumentError(
                f"decoder_input_ids has {decoder_ids.shape[0]} rows, the encoder's input {batch}"
            )
        if decoder_mask is not None:
            check_mask(decoder_mask, "decoder_attention_mask", tuple(decoder_ids.shape))
        starts_itself = model.config.prompts_start_themselves
        if not starts_itself and bool((decoder_ids[:, :1] != start).all()):
            decoder_ids = torch.cat([start, decoder_ids], dim=1)
            if decoder_mask is not None:
                decoder_mask = torch.cat(
                    [torch.ones_like(decoder_mask[:, :1]), decoder_mask], dim=1
                )
        prepared.prompt, prepared.mask = decoder_ids, decoder_mask
    prepared.arguments = kwargs
    return prepared


def _last_hidden_state(outputs: Any) -> Tensor:
    state = outputs[0] if isinstance(outputs, (tuple, list)) else outputs.last_hidden_state
    if not isinstance(state, Tensor) or state.dim() != 3:
        raise GenerationArgumentError(
            f"encoder_outputs must hold states (batch, length, hidden), not {shown(outputs)}"
        )
    return state


def _encoder_arguments(model: GenerativeModel, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that the encoder takes."""
    parameters = inspect.signature(model.get_encoder().forward).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {
        name: value
        for name, value in kwargs.items()
        if not name.startswith(NOT_FOR_THE_ENCODER) and (takes_all or name in parameters)
    }


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
