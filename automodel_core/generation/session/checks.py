"""The rules that need more than settings: the model, its inputs, or the caches that exist.

Rules about settings alone are in `settings.checks`. All of them raise `GenerationArgumentError`
before the model runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown, warn_caller
from automodel_core.generation.session.protocol import GenerativeModel, vocabulary_size
from automodel_core.generation.settings.generation import GenerationConfig, token_ids
from automodel_core.layers.caches.names import CACHES, OTHER_NAMES

__all__ = [
    "cache_kind",
    "check_cache_settings",
    "check_guidance",
    "check_ids",
    "check_lengths",
    "check_mask",
    "check_mask_rows",
    "check_streamer",
    "check_token_settings",
]

NOT_SETTINGS = ("decoding", "config")
"""Parameters of caches that ``generate`` sets itself."""


# ---- inputs ----


def check_ids(ids: object, name: str, vocabulary: int, *, may_be_empty: bool = False) -> None:
    """Raise unless ``ids`` are tokens (batch, length) of the vocabulary."""
    if not isinstance(ids, Tensor) or ids.dim() != 2 or ids.is_floating_point():
        what = f"{tuple(ids.shape)} of {ids.dtype}" if isinstance(ids, Tensor) else shown(ids)
        raise GenerationArgumentError(
            f"{name} must be token ids of shape (batch, length), not {what}"
        )
    if ids.shape[0] == 0 or (ids.shape[1] == 0 and not may_be_empty):
        raise GenerationArgumentError(f"{name} is empty: its shape is {tuple(ids.shape)}")
    if ids.shape[1] == 0:
        return
    low, high = torch.stack(ids.aminmax()).tolist()
    if low < 0 or high >= vocabulary:
        wrong = low if low < 0 else high
        raise GenerationArgumentError(
            f"{name} holds token id {wrong}; the model's are 0 to {vocabulary - 1}"
        )


def check_mask(mask: object, name: str, shape: tuple[int, ...]) -> None:
    """Raise unless a mask has the shape that its input has."""
    if not isinstance(mask, Tensor) or tuple(mask.shape) != shape:
        what = tuple(mask.shape) if isinstance(mask, Tensor) else shown(mask)
        raise GenerationArgumentError(
            f"{name} must have shape {shape}, as its input has, not {what}"
        )


def check_mask_rows(mask: object, batch: int) -> None:
    """Raise unless the mask of an encoder's input has a row for each item of the batch."""
    if not isinstance(mask, Tensor) or mask.dim() < 2 or mask.shape[0] != batch:
        what = f"has shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else f"is {shown(mask)}"
        raise GenerationArgumentError(f"attention_mask {what}, for a batch of {batch}")


def check_lengths(
    model: GenerativeModel, max_length: int, min_length: int, prompt_length: int, longest: int
) -> None:
    """Raise if the input is too long or leaves no room; warn of limits that cannot be kept.

    ``max_length`` and ``min_length`` count the prompt; ``longest`` is the length of the longest
    input, which may be the encoder's.
    """
    limit = model.config.position_limit
    if limit is not None and longest > limit:
        raise GenerationArgumentError(
            f"the input has {longest} tokens, and {type(model).__name__} has positions for {limit}"
        )
    if prompt_length >= max_length:
        raise GenerationArgumentError(
            f"the prompt has {prompt_length} tokens and max_length={max_length} counts it too, so "
            "nothing could be generated; set max_new_tokens"
        )
    if min_length > max_length:
        warn_caller(
            f"a minimum length of {min_length} tokens, prompt included, is over the maximum of "
            f"{max_length}; generation stops at the maximum"
        )
    if limit is not None and max_length > limit:
        warn_caller(
            f"up to {max_length} tokens are asked for, and the model has positions for {limit}"
        )


# ---- settings and the model ----


def check_token_settings(model: GenerativeModel, config: GenerationConfig) -> None:
    """Raise if a token to start with or to force is not in the model's vocabulary."""
    vocabulary = vocabulary_size(model)
    names = ["forced_bos_token_id", "forced_eos_token_id"]
    if model.config.is_encoder_decoder:
        names.append("decoder_start_token_id")
    for name in names:
        wrong = [i for i in token_ids(vars(config)[name]) if not 0 <= i < vocabulary]
        if wrong:
            raise GenerationArgumentError(
                f"{name} is {wrong[0]}; the model's tokens are 0 to {vocabulary - 1}"
            )


def check_guidance(
    model: GenerativeModel,
    config: GenerationConfig,
    batch: int,
    negative_prompt_ids: Tensor | None,
    negative_prompt_attention_mask: Tensor | None,
) -> None:
    """Raise for guidance that the model cannot follow, and for negative prompts that do not fit."""
    is_guided = config.guidance_scale is not None and config.guidance_scale != 1
    if is_guided and (model.config.is_encoder_decoder or (config.num_beams or 1) > 1):
        raise GenerationArgumentError(
            "guidance_scale works for decoder-only models with num_beams=1"
        )
    ids, mask = negative_prompt_ids, negative_prompt_attention_mask
    if ids is None:
        return
    if not is_guided:
        raise GenerationArgumentError("negative_prompt_ids needs a guidance_scale other than 1")
    check_ids(ids, "negative_prompt_ids", vocabulary_size(model))
    if ids.shape[0] not in (1, batch):
        raise GenerationArgumentError(
            f"negative_prompt_ids has {ids.shape[0]} rows for a batch of {batch}"
        )
    if mask is not None:
        check_mask(mask, "negative_prompt_attention_mask", tuple(ids.shape))


def check_streamer(config: GenerationConfig, streamer: object) -> None:
    """Raise for a streamer with beams."""
    if streamer is not None and (config.num_beams or 1) > 1:
        raise GenerationArgumentError("a streamer cannot follow num_beams > 1: beams may change")


# ---- settings and the caches ----


def cache_kind(config: GenerationConfig) -> str:
    """Return which of `CACHES` the settings ask for."""
    name = config.cache_implementation or "dynamic"
    return OTHER_NAMES.get(name, name)


def check_cache_settings(
    config: GenerationConfig, explicit: Collection[str], past_key_values: object
) -> None:
    """Raise for an unknown kind of cache, for settings that it does not have, and for two caches.

    An unknown kind that the caller did not ask for, but the model's generation config, is replaced
    by the default one.
    """
    if past_key_values is not None and "cache_implementation" in explicit:
        raise GenerationArgumentError(
            "give past_key_values or cache_implementation, not both: the cache is there already"
        )
    name = config.cache_implementation
    if name is not None and name not in CACHES and name not in OTHER_NAMES:
        text = f"cache_implementation={shown(name)} is not available; {', '.join(CACHES)} are"
        if "cache_implementation" in explicit:
            raise GenerationArgumentError(text)
        warn_caller(f"{text}; 'dynamic' is used")
        config.cache_implementation = config.cache_config = None
    settings = config.cache_config
    if settings is not None and not isinstance(settings, dict):
        raise GenerationArgumentError(f"cache_config must be a dict, not {shown(settings)}")
    kind = cache_kind(config)
    known = set(inspect.signature(CACHES[kind]).parameters) - set(NOT_SETTINGS)
    unknown = sorted(set(settings or ()) - known - {"config"})
    if unknown:
        raise GenerationArgumentError(
            f"cache_config: a {kind} cache has no {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(sorted(known)) or 'no settings'}"
        )
