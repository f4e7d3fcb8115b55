"""The cache that the settings of a call ask for, made or taken over from an earlier call."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.names import CACHES, OTHER_NAMES

__all__ = ["check_cache_settings", "decoding_cache", "taken_over"]

KEEPING = ("decoding", "config")


def check_cache_settings(config: GenerationConfig, own: set[str]) -> None:
    """Raise `GenerationArgumentError` for a cache that is not there, or wrong settings of one.

    A cache that is not there and that only the model asks for gives way to the usual one.
    """
    name = config.cache_implementation
    if name is not None and name not in CACHES and name not in OTHER_NAMES:
        text = f"cache_implementation={shown(name)} is not available; {', '.join(CACHES)} are"
        if "cache_implementation" in own:
            raise GenerationArgumentError(text)
        warnings.warn(f"{text}; 'dynamic' is used", stacklevel=6)
        config.cache_implementation = config.cache_config = None
    settings = config.cache_config
    if settings is not None and not isinstance(settings, dict):
        raise GenerationArgumentError(f"cache_config must be a dict, not {shown(settings)}")
    known = set(inspect.signature(CACHES[_kind(config)]).parameters) - set(KEEPING)
    unknown = sorted(set(settings or ()) - known - {"config"})
    if unknown:
        raise GenerationArgumentError(
            f"cache_config: a {_kind(config)} cache has no {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(sorted(known)) or 'no settings'}"
        )


def decoding_cache(config: GenerationConfig, model_config: Any, positions: int) -> Cache | None:
    """Return a new cache for a decoding loop of so many positions; None for the usual one."""
    kind = _kind(config)
    if kind == "dynamic" or not config.use_cache:
        return None
    settings: dict[str, Any] = {
        k: v for k, v in (config.cache_config or {}).items() if k not in KEEPING
    }
    if kind in ("static", "sliding_window"):
        settings.setdefault("config", model_config)
        settings.setdefault("max_cache_len", config.max_cache_len)
    if kind == "static":
        room = settings["max_cache_len"]
        settings["max_cache_len"] = positions if room is None else room
        if settings["max_cache_len"] < positions:
            raise GenerationArgumentError(
                f"max_cache_len={room} is less than the {positions} positions that may be needed"
            )
    try:
        return CACHES[kind](decoding=True, **settings)
    except ValueError as error:
        raise GenerationArgumentError(
            f"cache_implementation={config.cache_implementation!r}: {error}"
        ) from error


def _kind(config: GenerationConfig) -> str:
    name = config.cache_implementation or "dynamic"
    return OTHER_NAMES.get(name, name)


def taken_over(past_key_values: Any, own: set[str]) -> Any:
    """Return the caller's cache; tuples of keys and values, as they once were, become one.

    Raise `GenerationArgumentError` if the caller's ``own`` settings ask for a cache, too.
    """
    if past_key_values is not None and "cache_implementation" in own:
        raise GenerationArgumentError(
            "give past_key_values or cache_implementation, not both: the cache is there already"
        )
    if isinstance(past_key_values, (tuple, list)):
        return Cache.from_legacy_cache(past_key_values)
    return past_key_values
