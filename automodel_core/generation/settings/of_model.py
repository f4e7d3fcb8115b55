"""A model's own settings: those of its ``generation_config``, and later ones of its ``config``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Protocol

from automodel_core.generation.settings.generation import (
    GenerationConfig,
    as_generation_config,
    config_settings,
)

__all__ = [
    "SettingsAtStart",
    "changed_settings",
    "first_settings",
    "heed_given_config",
    "own_settings",
    "set_generation_config",
]

SettingsAtStart = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The settings in a model's ``config`` and in its ``generation_config``, when it was made."""
OF_FORWARD = ("output_attentions", "output_hidden_states", "use_cache")
"""What a model's configuration says of ``forward``, under names that are settings too.

Trainers switch the cache off, as ``forward`` has no use for it; ``generate`` has.
"""


class _Model(Protocol):
    config: Any
    generation_config: Any
    settings_at_start: SettingsAtStart | None


def first_settings(config: Any, stored: Mapping[str, Any] | None, given: Any) -> GenerationConfig:
    """Return the settings of the caller, else those of the checkpoint's own file."""
    if given is not None:
        return as_generation_config(given)
    if stored is None:
        return GenerationConfig.from_model_config(config)
    settings: GenerationConfig = GenerationConfig.from_dict(stored)
    return settings


def set_generation_config(model: _Model, config: GenerationConfig) -> None:
    """Give a model its settings, and remember what its configuration and they say now."""
    model.generation_config = config
    model.settings_at_start = _of_config(model.config), copy.deepcopy(vars(config))


def heed_given_config(model: _Model, stored: Mapping[str, Any]) -> None:
    """Let `changed_settings` know what a caller's configuration object says of generation.

    That is what neither ``stored``, the keys of the checkpoint's ``config.json``, nor the defaults
    of its class say.
    """
    if model.settings_at_start is None:
        return
    given, before = model.settings_at_start
    usual = {name: field.default for name, field in model.config._fields().items()}
    own = config_settings(stored)
    changed = {
        name: own.get(name)
        for name, value in given.items()
        if value is not None and value not in (own.get(name), usual.get(name))
    }
    model.settings_at_start = {**given, **changed}, before


def own_settings(model: _Model) -> dict[str, Any]:
    """Return a model's settings: those of ``generation_config``, and `changed_settings`."""
    return {**vars(model.generation_config), **changed_settings(model)}


def changed_settings(model: _Model) -> dict[str, Any]:
    """Return what was set in ``model.config`` since the model was made.

    What was set in ``model.generation_config``, too, is left to that.
    """
    if model.settings_at_start is None:
        return {}
    config_before, before = model.settings_at_start
    config, now = _of_config(model.config), vars(model.generation_config)
    return {
        name: config.get(name)
        for name in {**config_before, **config}
        if config.get(name) != config_before.get(name) and now.get(name) == before.get(name)
    }


def _of_config(config: Any) -> dict[str, Any]:
    values = config.to_dict()
    return config_settings({k: v for k, v in values.items() if k not in OF_FORWARD})
