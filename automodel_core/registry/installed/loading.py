"""Import one plugin module and collect what it declares, without letting it harm anybody.

Each module gets a plugin manager of its own. What a module declares is checked completely before
any of it is handed over, so that a failure leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from automodel_core.errors import RegistrationError, shown
from automodel_core.registry.manifest import HOOKS, Architecture
from automodel_core.registry.manifest_base import Manifest, require_api

if TYPE_CHECKING:
    import pluggy

__all__ = ["Declarations", "collect"]

_M = TypeVar("_M", bound=Manifest)

KINDS: Mapping[type[Manifest], str] = {
    kind: re.sub("(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower() for kind in HOOKS.values()
}
"""What messages call each kind of manifest: its class's name, as words."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything that one plugin module declares, and the manager that calls its observers."""

    module: ModuleType
    manager: pluggy.PluginManager
    manifests: Mapping[type[Manifest], tuple[Any, ...]]

    def of(self, kind: type[_M]) -> tuple[_M, ...]:
        """Return the manifests of one class."""
        found: tuple[_M, ...] = self.manifests[kind]
        return found

    @property
    def model_types(self) -> tuple[str, ...]:
        """The model types of all architectures."""
        return tuple(name for found in self.of(Architecture) for name in found.model_types)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the module adds beside architectures, as ``task summarization``."""
        return tuple(
            f"{KINDS[kind]} {manifest.label}"
            for kind, found in self.manifests.items()
            for manifest in found
            if kind is not Architecture
        )

    @property
    def extends(self) -> bool:
        """Whether the module implements a hook beside that of architectures."""
        hooks = {caller.name for caller in self.manager.get_hookcallers(self.module) or ()}
        return any(HOOKS.get(name) is not Architecture for name in hooks)


def collect(module: ModuleType) -> Declarations:
    """Call the registration hooks of a module and check what they return.

    Raises ``PluginIncompatibleError`` for another plugin API, ``TypeError`` or ``ValueError`` for
    what is not a manifest, pluggy's error for a hook that does not exist, and whatever the hooks
    raise.
    """
    import pluggy

    from automodel_core.registry import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    _check_marks(manager, module)
    manifests = {
        kind: _checked(getattr(manager.hook, hook)(), kind) for hook, kind in HOOKS.items()
    }
    # Last, so that a plugin for a newer API is told from one with a misspelt hook.
    manager.check_pending()
    return Declarations(module, manager, manifests)


def _check_marks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    """Refuse a function that is named like a hook and lacks the mark: it would never be called."""
    for name, value in vars(module).items():
        if not name.startswith("automodel_") or not isinstance(value, FunctionType):
            continue
        own = value.__module__ == module.__name__
        if own and manager.parse_hookimpl_opts(module, name) is None:
            raise RegistrationError(
                f"function {shown(name)} is named like a hook and is not marked as one; "
                "decorate it with automodel_core.hookimpl"
            )


def _checked(results: Iterable[object], kind: type[_M]) -> tuple[_M, ...]:
    """Return what the implementations of one hook returned, each of it a manifest of ``kind``."""
    manifests: list[_M] = []
    labels: set[str] = set()
    for result in results:
        if isinstance(result, (str, bytes)) or not isinstance(result, Iterable):
            raise TypeError(
                f"a hook must return an iterable of {kind.__name__}, got "
                f"{type(result).__name__} {shown(result)}"
            )
        for manifest in result:
            if not isinstance(manifest, kind):
                raise TypeError(
                    f"a hook must return {kind.__name__} objects, got "
                    f"{type(manifest).__name__} {shown(manifest)}"
                )
            require_api(manifest.plugin_api)
            if manifest.label in labels:
                raise RegistrationError(
                    f"{kind.__name__} {shown(manifest.label)} is declared twice"
                )
            labels.add(manifest.label)
            manifests.append(manifest)
    return tuple(manifests)
