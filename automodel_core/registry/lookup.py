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

from automodel_core.registry.discovery import Candidate, discover
from automodel_core.registry.environment import STRICT, Choices

if TYPE_CHECKING:
    from automodel_core.registry.architectures import Architectures
    from automodel_core.registry.contributions import Contributions
    from automodel_core.registry.installed import InstalledPlugins
    from automodel_core.registry.registrations import Registrations

__all__ = ["Registry"]


@dataclass(frozen=True, slots=True)
class _Parts:
    plugins: InstalledPlugins
    architectures: Architectures
    contributions: Contributions
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
        self._parts: _Parts | None = None
        self._candidates, self._choices = self._scan()

    @classmethod
    def of_this_process(cls) -> Registry:
        """Scan ``sys.path`` with the variables of this process."""
        return cls(sys.path, os.environ, sys.meta_path)

    @property
    def plugins(self) -> InstalledPlugins:
        return self._built().plugins

    @property
    def architectures(self) -> Architectures:
        return self._built().architectures

    @property
    def contributions(self) -> Contributions:
        return self._built().contributions

    def refresh(self) -> None:
        """Scan again."""
        candidates, choices = self._scan()
        with self._lock:
            self._candidates, self._choices = candidates, choices
            if self._parts is not None:
                self._parts = self._build(self._parts.registrations)

    def _scan(self) -> tuple[tuple[Candidate, ...], Choices]:
        """Read metadata and variables; under ``AUTOMODEL_STRICT_PLUGINS`` raise for problems."""
        path, environment, finders = self._where
        candidates, choices = discover(path, finders), Choices.from_environment(environment)
        if choices.strict:
            _refuse_problems(candidates, choices)
        return candidates, choices

    def _built(self) -> _Parts:
        parts = self._parts
        if parts is None:
            with self._lock:
                if self._parts is None:
                    from automodel_core.registry.registrations import Registrations

                    self._parts = self._build(Registrations())
                parts = self._parts
        return parts

    def _build(self, registrations: Registrations) -> _Parts:
        from automodel_core.registry.architectures import Architectures
        from automodel_core.registry.contributions import Contributions
        from automodel_core.registry.installed import InstalledPlugins

        plugins = InstalledPlugins(self._candidates, self._choices, registrations.undone_on_error)
        contributions = Contributions(plugins)
        architectures = Architectures(plugins, registrations, contributions)
        return _Parts(plugins, architectures, contributions, registrations)


def _refuse_problems(candidates: Sequence[Candidate], choices: Choices) -> None:
    """Raise one error that names every conflict and every plugin with damaged metadata."""
    from contextlib import nullcontext

    from automodel_core.errors import PluginBrokenError, PluginConflictError
    from automodel_core.registry.installed import InstalledPlugins
    from automodel_core.registry.records import PluginState

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
