"""Guess the keys that make a model tiny."""

from __future__ import annotations

from typing import Any

from automodel_core import registry
from automodel_core.errors import ConfigurationError, InputError, shown
from automodel_core.fields import Field

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
)
"""Parts of the names of fields, and the sizes that make a model tiny."""
POSITIONS, WIDTH, LARGE = 64, 16, 64
STAGES = {"depths", "heads"}
"""Words in the names of lists with a number for each stage."""


def tiny(model_type: str) -> dict[str, Any]:
    """Return keys that make a model tiny, guessed from the names and defaults of its fields.

    Raises `InputError` where the guess makes no configuration.
    """
    config_class = registry.architectures.config_class(model_type)
    values: dict[str, Any] = {}
    for name, field in config_class._fields().items():
        size = smaller(name, field.default)
        if field.own and size != field.default and accepts(field, size):
            values[name] = size
    try:
        config = config_class(**values)
    except ConfigurationError as error:
        raise InputError(
            f"no tiny configuration of {shown(model_type)} can be guessed ({error}): "
            "give one, as --config tiny.json"
        ) from None
    if config.pad_token_id is None:
        values["pad_token_id"] = 0
    if config.is_encoder_decoder and config.decoder_start_token_id is None:
        values["decoder_start_token_id"] = config.pad_token_id or 0
    return values


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
        return (
            [2 if "head" in name else 1] * len(default)
            if STAGES & set(name.split("_"))
            else default
        )
    if isinstance(default, bool) or not isinstance(default, int) or "distance" in name:
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
