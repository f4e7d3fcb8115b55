"""One registry: what a scan of a path found, chosen by an environment, and what is built on it.

The scan is done at once and cheaply; what answers questions is imported with the first question.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.registry.installed.environment import STRICT, Choices
from automodel_core.registry.installed.metadata import Candidate, discover

if TYPE_CHECKING:
    from automodel_core.registry.installed.plugins import InstalledPlugins
    from automodel_core.registry.lookup.architectures import Architectures
    from automodel_core.registry.lookup.in_process import Registrations
    from automodel_core.registry.lookup.named_parts import NamedParts

__all__ = ["Registry"]


@dataclass(frozen=True, slots=True)
class _Scan:
    """What answers questions about one scan."""

    plugins: InstalledPlugins
    parts: NamedParts
    architectures: Architectures
    registrations: Registrations


class Registry:
    """A registry; what is registered in the process outlives a new scan."""

    def __init__(
        self,
        path: Sequence[str],
        environment: Mapping[str, str],
        finders: Sequence[object] = (),
    ) -> None:
        self._where = path, environment, finders
        self._lock = threading.RLock()
        self._built: _Scan | None = None
        self._candidates, self._choices = self._read()

    @classmethod
    def of_this_process(cls) -> Registry:
        """Scan ``sys.path`` with the variables of this process."""
        return cls(sys.path, os.environ, sys.meta_path)

    @property
    def plugins(self) -> InstalledPlugins:
        return self._scan().plugins

    @property
    def parts(self) -> NamedParts:
        return self._scan().parts

    @property
    def architectures(self) -> Architectures:
        return self._scan().architectures

    def refresh(self) -> None:
        """Scan again."""
        candidates, choices = self._read()
        with self._lock:
            self._candidates, self._choices = candidates, choices
            if self._built is not None:
                self._built = self._build(self._built.registrations)

    def _read(self) -> tuple[tuple[Candidate, ...], Choices]:
        """Read metadata and variables; under ``AUTOMODEL_STRICT_PLUGINS`` raise for problems."""
        path, environment, finders = self._where
        candidates, choices = discover(path, finders), Choices.from_environment(environment)
        if choices.strict:
            _refuse_problems(candidates, choices)
        return candidates, choices

    def _scan(self) -> _Scan:
        if self._built is not None:
            return self._built
        with self._lock:
            if self._built is None:
                from automodel_core.registry.lookup.in_process import Registrations

                self._built = self._build(Registrations())
            return self._built

    def _build(self, registrations: Registrations) -> _Scan:
        from automodel_core.registry.installed.plugins import InstalledPlugins
        from automodel_core.registry.lookup.architectures import Architectures
        from automodel_core.registry.lookup.named_parts import NamedParts

        plugins = InstalledPlugins(self._candidates, self._choices, registrations.undone_on_error)
        parts = NamedParts(plugins)
        return _Scan(plugins, parts, Architectures(plugins, registrations, parts), registrations)


def _refuse_problems(candidates: Sequence[Candidate], choices: Choices) -> None:
    """Raise one error that names every conflict and every plugin with damaged metadata."""
    from contextlib import nullcontext

    from automodel_core.errors import PluginBrokenError, PluginConflictError
    from automodel_core.registry.installed.plugins import InstalledPlugins
    from automodel_core.registry.installed.state import PluginState

    problems = [
        record
        for record in InstalledPlugins(candidates, choices, nullcontext).records()
        if record.state in (PluginState.BROKEN, PluginState.CONFLICT)
    ]
    if not problems:
        return
    said = "; ".join(f"{record.cause}: {record.fix}" for record in problems)
    conflicts = all(record.state is PluginState.CONFLICT for record in problems)
    kind = PluginConflictError if conflicts else PluginBrokenError
    raise kind(f"{STRICT} is set, and: {said}")
