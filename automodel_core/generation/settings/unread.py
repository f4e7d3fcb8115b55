"""Settings that only some strategy reads, and those that nothing does. No torch."""

from __future__ import annotations

from collections.abc import Iterable

from automodel_core import registry
from automodel_core.errors import did_you_mean, warn_caller

__all__ = ["strategy_of_setting", "strategy_settings", "warn_of_unread"]

OF_FILES = {"transformers_version"}
"""What files hold beside settings, and callers pass on."""


def strategy_settings(name: str | None) -> tuple[str, ...]:
    """Return the settings of a strategy's own; of a name that is none, there are none."""
    if name is None:
        return ()
    found = registry.parts.find(registry.DecodingStrategy, name)
    return () if found is None else found.settings


def strategy_of_setting(name: str) -> str | None:
    """Return the strategy that has a setting of this name, if one is installed."""
    strategies = registry.parts.every(registry.DecodingStrategy).values()
    return next((found.name for found in strategies if name in found.settings), None)


def warn_of_unread(names: Iterable[str], fields: Iterable[str]) -> None:
    """Warn of keys that are neither ``fields`` nor settings of a strategy."""
    fields = set(fields)
    unread = [name for name in names if name not in fields | OF_FILES and name[0] != "_"]
    unread = [name for name in unread if strategy_of_setting(name) is None]
    if unread:
        told = "; ".join(f"{name!r}{did_you_mean(name, fields)}" for name in unread)
        warn_caller(f"GenerationConfig keeps keys that nothing here reads: {told}")
