"""One registry: what a scan of a path found, chosen by an environment, and what is built on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from automodel_core.errors import PluginBrokenError, PluginConflictError
from automodel_core.registry.architectures import Architectures
from automodel_core.registry.contributions import Contributions
from automodel_core.registry.discovery import discover
from automodel_core.registry.environment import STRICT, Choices
from automodel_core.registry.installed import InstalledPlugins
from automodel_core.registry.records import PluginState
from automodel_core.registry.registrations import Registrations

__all__ = ["Registry"]


@dataclass(frozen=True, slots=True)
class Registry:
    """The parts of a registry; ``registrations`` outlives a new scan."""

    plugins: InstalledPlugins
    architectures: Architectures
    contributions: Contributions
    registrations: Registrations

    @classmethod
    def scan(
        cls,
        path: Sequence[str],
        environment: Mapping[str, str],
        *,
        finders: Iterable[object] = (),
        registrations: Registrations | None = None,
    ) -> Registry:
        """Build a registry; under ``AUTOMODEL_STRICT_PLUGINS`` its problems raise at once."""
        registrations = registrations if registrations is not None else Registrations()
        choices = Choices.from_environment(environment)
        plugins = InstalledPlugins(discover(path, finders), choices, registrations.undone_on_error)
        if choices.strict:
            _refuse_problems(plugins)
        contributions = Contributions(plugins)
        architectures = Architectures(plugins, registrations, contributions)
        return cls(plugins, architectures, contributions, registrations)

    @classmethod
    def of_this_process(cls, registrations: Registrations | None = None) -> Registry:
        """Scan ``sys.path`` with the variables of this process."""
        return cls.scan(sys.path, os.environ, finders=sys.meta_path, registrations=registrations)


def _refuse_problems(plugins: InstalledPlugins) -> None:
    """Raise one error that names every conflict and every plugin with damaged metadata."""
    problems = [
        record
        for record in plugins.records()
        if record.state in (PluginState.BROKEN, PluginState.CONFLICT)
    ]
    if not problems:
        return
    said = "; ".join(f"{record.cause}: {record.fix}" for record in problems)
    conflicts = all(record.state is PluginState.CONFLICT for record in problems)
    kind = PluginConflictError if conflicts else PluginBrokenError
    raise kind(f"{STRICT} is set, and: {said}")
