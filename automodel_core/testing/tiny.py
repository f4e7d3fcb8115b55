"""Guess the keys that make a model tiny."""

from __future__ import annotations

import copy
from typing import Any

from automodel_core import registry
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError, InputError, shown
from automodel_core.fields import Field
from automodel_core.testing.small_models import register_small_parts

__all__ = ["decoder_tasks", "tiny"]

SIZES = (
    ("vocab_size", 99),
    ("layers", 2),
    ("layer", 2),
    ("heads", 4),
    ("head", 4),
    ("patch", 4),
    ("stride", 4),
    ("groups", 2),
    ("window", 2),
)
"""Parts of the names of fields, and the sizes that make a model tiny."""
POSITIONS, WIDTH, LARGE = 64, 16, 64
STAGES = (("heads", 2), ("depths", 1), ("sizes", WIDTH), ("dim", WIDTH))
"""Words in the names of lists with a number for each stage, and the most that keeps it tiny."""


def tiny(model_type: str) -> dict[str, Any]:
    """Return keys that make a model tiny, guessed from the names and defaults of its fields.

    Those that a configuration class gives itself, as its ``small_model``, are not guessed. Raises
    `InputError` where the guess makes no configuration.
    """
    register_small_parts()
    config_class = registry.architectures.config_class(model_type)
    values = guess(config_class)
    try:
        config = config_class(**copy.deepcopy(values))
    except ConfigurationError as error:
        raise InputError(
            f"no tiny configuration of {shown(model_type)} can be guessed ({error}): state the "
            f"keys that do not fit in {config_class.__name__}.small_model, or give a whole one, as "
            "--config tiny.json"
        ) from None
    if config.pad_token_id is None:
        values["pad_token_id"] = 0
    if config.is_encoder_decoder and config.decoder_start_token_id is None:
        values["decoder_start_token_id"] = config.pad_token_id or 0
    return values


def guess(config_class: type[PreTrainedConfig]) -> dict[str, Any]:
    """Return the keys that make a model of a configuration class tiny, with those of its parts."""
    values: dict[str, Any] = {}
    for name, field in config_class._fields().items():
        if isinstance(field.default, PreTrainedConfig):
            values[name] = guess(type(field.default))
            continue
        size = smaller(name, field.default)
        if field.own and size != field.default and accepts(field, size):
            values[name] = size
    return {**values, **config_class.small_model}


def accepts(field: Field, value: Any) -> bool:
    """Return whether a field takes a value, as far as it alone can tell."""
    try:
        field.check(value)
    except ValueError:
        return False
    return True


def smaller(name: str, default: Any) -> Any:
    """Return a value for a field that makes a model tiny and its training undisturbed."""
    if name.startswith("forced_"):
        return None
    if name.endswith(("layerdrop", "drop_path_rate")):
        return 0.0
    if isinstance(default, list) and all(isinstance(size, int) for size in default):
        most = min([size for word, size in STAGES if word in name.split("_")], default=None)
        return default if most is None else [min(size, most) for size in default]
    if isinstance(default, bool) or not isinstance(default, int):
        return default
    if {"distance", "index"} & set(name.split("_")):
        return default
    if name.endswith("token_id"):
        return min(default, 2)
    if "position" in name:
        return min(default, POSITIONS)
    for part, size in SIZES:
        if part in name:
            return min(default, size)
    return WIDTH if default >= LARGE else default


def decoder_tasks(model_type: str) -> dict[str, dict[str, Any]] | None:
    """Return the further keys of single tasks: an encoder that also writes is then a decoder."""
    both = {"causal-lm", "masked-lm"} <= set(registry.get(model_type).models)
    return {"causal-lm": {"is_decoder": True}} if both else None
