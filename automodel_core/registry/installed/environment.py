"""The environment variables that choose among plugins.

==========================  =====================================================================
``AUTOMODEL_PLUGINS``       allow-list; empty allows none, unset allows all
``AUTOMODEL_DISABLED_PLUGINS``  deny-list
``AUTOMODEL_PREFER``        ``name=distribution`` pairs that settle conflicts
``AUTOMODEL_STRICT_PLUGINS``  ``1`` makes every problem of a plugin an error at once, for CI
==========================  =====================================================================

Lists are separated by commas. An entry of the first two is the name of a distribution, or of one
entry point: a model type, or the name of an extension.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from automodel_core.errors import ConfigurationError, shown

__all__ = ["ALLOWED", "DISABLED", "PREFER", "STRICT", "Choices", "normalised"]

ALLOWED = "AUTOMODEL_PLUGINS"
DISABLED = "AUTOMODEL_DISABLED_PLUGINS"
PREFER = "AUTOMODEL_PREFER"
STRICT = "AUTOMODEL_STRICT_PLUGINS"

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_SEPARATORS = re.compile(r"[-_.]+")


def normalised(distribution: str) -> str:
    """Return the name of a distribution as package indexes compare it (PEP 503)."""
    return _SEPARATORS.sub("-", distribution).lower()


@dataclass(frozen=True, slots=True)
class Choices:
    """What the environment says about plugins."""

    allowed: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    prefer: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Choices:
        """Read the variables; a value that cannot be understood raises ``ConfigurationError``."""
        allowed = environment.get(ALLOWED)
        return cls(
            allowed=None if allowed is None else frozenset(_names(allowed)),
            disabled=frozenset(_names(environment.get(DISABLED, ""))),
            prefer=_pairs(environment.get(PREFER, "")),
            strict=_boolean(STRICT, environment.get(STRICT, "")),
        )

    def excludes(self, distribution: str, name: str) -> str | None:
        """Return the variable that keeps an entry point out, or ``None``."""
        names = {normalised(distribution), normalised(name)}
        if names & self.disabled:
            return DISABLED
        if self.allowed is not None and not names & self.allowed:
            return ALLOWED
        return None


def _names(text: str) -> list[str]:
    return [normalised(item.strip()) for item in text.split(",") if item.strip()]


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, equals, distribution = (part.strip() for part in item.partition("="))
        if not (name and equals and distribution):
            raise ConfigurationError(
                f"environment variable {PREFER}: {shown(item)} is not name=distribution, "
                f"as in {PREFER}='model-type=distribution'"
            )
        if pairs.get(name, normalised(distribution)) != normalised(distribution):
            raise ConfigurationError(
                f"environment variable {PREFER}: {shown(name)} is given two distributions"
            )
        pairs[name] = normalised(distribution)
    return pairs


def _boolean(variable: str, text: str) -> bool:
    value = text.strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ConfigurationError(
        f"environment variable {variable}: {shown(text)} is neither true (1, true, yes, on) "
        "nor false (0, false, no, off)"
    )
