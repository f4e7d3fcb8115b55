"""The cache of a call: one from an earlier call, or a new one of the kind that settings ask for."""

from __future__ import annotations

from typing import Any, cast

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.checks import NOT_SETTINGS, cache_kind
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.names import CACHES

__all__ = ["as_cache", "new_cache"]


def as_cache(past_key_values: object) -> Cache | None:
    """Return the caller's cache; legacy ``(key, value)`` tuples are converted to a `Cache`."""
    is_legacy = isinstance(past_key_values, (tuple, list))
    cache = Cache.from_legacy_cache(past_key_values) if is_legacy else past_key_values
    return cast("Cache | None", cache)


def new_cache(config: GenerationConfig, model_config: object, positions: int) -> Cache | None:
    """Return a cache for ``positions`` positions; None stands for the default growing one."""
    kind = cache_kind(config)
    if kind == "dynamic" or not config.use_cache:
        return None
    settings: dict[str, Any] = {
        k: v for k, v in (config.cache_config or {}).items() if k not in NOT_SETTINGS
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
