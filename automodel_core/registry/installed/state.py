"""What is known about one plugin: its state, where it is, why, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec

__all__ = ["ARCHITECTURES", "EXTENSIONS", "PluginRecord", "PluginState"]

ARCHITECTURES = "automodel.architectures"
EXTENSIONS = "automodel.extensions"


class PluginState(str, Enum):
    """The states of a plugin."""

    DISCOVERED = "discovered"
    """Installed; nothing of it was imported yet."""
    LOADED = "loaded"
    BROKEN = "broken"
    """It cannot be imported, or does not keep the contract."""
    INCOMPATIBLE = "incompatible"
    """Built against another version of the plugin API."""
    DISABLED = "disabled"
    """An environment variable keeps it out."""
    SHADOWED = "shadowed"
    """A second copy of a distribution that comes earlier on ``sys.path``."""
    CONFLICT = "conflict"
    """Another distribution claims the same name, and nothing says which one is meant."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """One plugin module of one distribution.

    ``names`` are its model types (group ``automodel.architectures``) or the names of its
    extensions; ``adds`` says what these add, once the module is imported. ``path`` is the metadata
    folder of the distribution. ``cause`` and ``fix`` are empty while nothing is wrong.
    """

    state: PluginState
    distribution: str
    version: str
    path: str
    group: str
    module: str
    names: tuple[str, ...]
    adds: tuple[str, ...] = ()
    cause: str = ""
    fix: str = ""

    @property
    def code(self) -> str:
        """The folder or file of the package, also where it is installed editably; empty if gone."""
        package = self.module.partition(".")[0]
        try:
            spec = find_spec(package)
        except (ImportError, ValueError):
            return ""
        if spec is None:
            return ""
        return next(iter(spec.submodule_search_locations or ()), spec.origin or "")

    @property
    def is_architecture(self) -> bool:
        """Whether the names are model types."""
        return self.group == ARCHITECTURES
