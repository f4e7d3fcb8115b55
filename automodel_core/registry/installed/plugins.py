"""The installed plugins: which of them can be used, and guarded, lazy import of one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace

from automodel_core.errors import (
    AutomodelError,
    PluginBrokenError,
    PluginConflictError,
    PluginDisabledError,
    PluginError,
    PluginIncompatibleError,
    RegistrationError,
    shown,
    warn_caller,
)
from automodel_core.registry.imports import describe, import_guarded
from automodel_core.registry.installed.environment import (
    ALLOWED,
    DISABLED,
    PREFER,
    Choices,
    normalised,
)
from automodel_core.registry.installed.loading import Declarations, collect
from automodel_core.registry.installed.metadata import Candidate, Obstacle
from automodel_core.registry.installed.state import (
    ARCHITECTURES,
    EXTENSIONS,
    PluginRecord,
    PluginState,
)
from automodel_core.registry.manifest import Architecture

__all__ = ["InstalledPlugins", "conflict", "error_of", "title"]

_ERRORS: dict[PluginState, type[PluginError]] = {
    PluginState.BROKEN: PluginBrokenError,
    PluginState.CONFLICT: PluginConflictError,
    PluginState.DISABLED: PluginDisabledError,
    PluginState.INCOMPATIBLE: PluginIncompatibleError,
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong with a plugin module, kept until somebody asks for it."""

    obstacle: Obstacle
    error: BaseException


class InstalledPlugins:
    """The candidates of one scan and what became of each module that was imported.

    Imports run outside of any lock, so that Python's own import locks are the only ones held; two
    threads may therefore collect the same manifests, and the first result is kept.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        choices: Choices,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.choices = choices
        self._candidates = tuple(self._filtered(item) for item in candidates)
        self._transaction = transaction
        self._by_model_type: dict[str, list[Candidate]] = {}
        for item in self._candidates:
            if item.group == ARCHITECTURES and not _is(item, PluginState.SHADOWED):
                self._by_model_type.setdefault(item.name, []).append(item)
        self._outcomes: dict[tuple[str, str], Declarations | _Failure] = {}
        self._importing = _OfThread()
        self._warned: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def model_types(self) -> tuple[str, ...]:
        """Return the model types that a usable entry point names."""
        return tuple(name for name in self._by_model_type if self.usable(name))

    def claimants(self, model_type: str) -> tuple[Candidate, ...]:
        """Return every distribution that names the model type, unusable ones included."""
        return tuple(self._by_model_type.get(model_type, ()))

    def usable(self, model_type: str) -> tuple[Candidate, ...]:
        """Return the claimants that nothing known before an import speaks against."""
        return tuple(item for item in self.claimants(model_type) if item.obstacle is None)

    def distributions(self) -> frozenset[str]:
        """Return the normalised names of the distributions that have an entry point here."""
        return frozenset(item.key for item in self._candidates if item.distribution)

    def holds_extension(self, distribution: str) -> bool:
        """Whether a distribution has an extension that is not kept out."""
        key = normalised(distribution)
        return any(
            item.key == key and item.group == EXTENSIONS and item.obstacle is None
            for item in self._candidates
        )

    def load(self, candidate: Candidate) -> Declarations:
        """Import the module of a candidate; raise what is known to be wrong with it, chained."""
        if candidate.obstacle is not None:
            raise error_of(candidate, candidate.obstacle)
        key = _module_of(candidate)
        outcome = self._outcomes.get(key)
        if outcome is None:
            if key in self._importing.keys:
                raise PluginBrokenError(
                    f"{title(candidate)} asks the registry for itself while it is being imported; "
                    "do not look anything up at the top level of a plugin module"
                )
            outcome = self._attempt(candidate)
            with self._lock:
                outcome = self._outcomes.setdefault(key, outcome)
        if isinstance(outcome, _Failure):
            raise error_of(candidate, outcome.obstacle) from outcome.error
        disagreement = _disagreement(candidate, outcome)
        if disagreement is not None:
            raise error_of(candidate, disagreement)
        return outcome

    def extensions(self) -> list[tuple[Candidate, Declarations]]:
        """Import every usable extension; one that fails is warned about once and left out.

        Under ``AUTOMODEL_STRICT_PLUGINS`` it raises instead.
        """
        found: dict[tuple[str, str], tuple[Candidate, Declarations]] = {}
        for item in self._candidates:
            if item.group != EXTENSIONS or item.obstacle is not None:
                continue
            key = _module_of(item)
            if key in found or key in self._importing.keys:
                continue
            try:
                found[key] = item, self.load(item)
            except PluginError as error:
                if self.choices.strict:
                    raise
                self.warn_once(key, f"extension left out: {error}")
        return list(found.values())

    def warn_once(self, key: tuple[str, str], message: str) -> None:
        """Warn about one thing once in the life of this object."""
        with self._lock:
            if key in self._warned:
                return
            self._warned.add(key)
        warn_caller(message, RuntimeWarning)

    def load_all(self) -> tuple[PluginRecord, ...]:
        """Import every usable plugin, keep the failures, and return the state of each plugin."""
        for item in self._candidates:
            if item.obstacle is None:
                with suppress(PluginError):
                    self.load(item)
        return self.records()

    def load_extensions(self) -> None:
        """Import every usable extension, and keep the failures for their records."""
        for item in self._candidates:
            if item.group == EXTENSIONS and item.obstacle is None:
                with suppress(PluginError):
                    self.load(item)

    def notify(self, observer: str, **arguments: object) -> None:
        """Call an observer hook of every extension; what it raises becomes a warning."""
        for candidate, declared in self.extensions():
            try:
                getattr(declared.manager.hook, observer)(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - observers cannot disturb
                message = (
                    f"{title(candidate)}: {observer} raised {describe(error)}; the load goes on"
                )
                warn_caller(message, RuntimeWarning)

    def records(self) -> tuple[PluginRecord, ...]:
        """Return the state of every plugin, without importing any.

        Entry points of one module in one state share a record.
        """
        grouped: dict[tuple[str, ...], list[tuple[Candidate, PluginState, Obstacle | None]]] = {}
        for item in self._candidates:
            state, obstacle = self._state(item)
            cause = obstacle.cause if obstacle is not None else ""
            key = (item.key, item.path, item.group, item.module, state.value, cause)
            grouped.setdefault(key, []).append((item, state, obstacle))
        records = []
        for members in grouped.values():
            item, state, obstacle = members[0]
            records.append(
                PluginRecord(
                    state=state,
                    distribution=item.distribution,
                    version=item.version,
                    path=item.path,
                    group=item.group,
                    module=item.module,
                    names=tuple(sorted(member.name for member, _, _ in members)),
                    adds=self._additions(item),
                    cause=obstacle.cause if obstacle is not None else "",
                    fix=obstacle.fix if obstacle is not None else "",
                )
            )
        return tuple(sorted(records, key=lambda record: (record.group, record.names, record.path)))

    def _additions(self, candidate: Candidate) -> tuple[str, ...]:
        outcome = self._outcomes.get(_module_of(candidate))
        if candidate.group != EXTENSIONS or not isinstance(outcome, Declarations):
            return ()
        return outcome.labels

    __call__ = records  # as `registry.plugins()` was written when it was a function

    def _state(self, candidate: Candidate) -> tuple[PluginState, Obstacle | None]:
        if candidate.obstacle is not None:
            return candidate.obstacle.state, candidate.obstacle
        outcome = self._outcomes.get(_module_of(candidate))
        if isinstance(outcome, _Failure):
            return outcome.obstacle.state, outcome.obstacle
        disagreement = None if outcome is None else _disagreement(candidate, outcome)
        if disagreement is not None:
            return disagreement.state, disagreement
        if candidate.group == ARCHITECTURES:
            rivals = self.usable(candidate.name)
            preferred = self.choices.prefer.get(candidate.name)
            if len(rivals) > 1 and preferred not in {rival.key for rival in rivals}:
                return PluginState.CONFLICT, conflict(
                    f"model type {candidate.name!r}", candidate.name, rivals, candidate
                )
        return (PluginState.DISCOVERED if outcome is None else PluginState.LOADED), None

    def _filtered(self, candidate: Candidate) -> Candidate:
        """Return the candidate with the obstacle that the environment puts up, if any."""
        if candidate.obstacle is not None:
            return candidate
        variable = self.choices.excludes(candidate.distribution, candidate.name)
        if variable is None:
            return candidate
        if variable == DISABLED:
            cause, fix = f"the environment variable {DISABLED} names it", "take it out of there"
        else:
            cause = f"the environment variable {ALLOWED} allows only other plugins"
            fix = f"add {candidate.distribution} to {ALLOWED}, or unset the variable"
        return replace(candidate, obstacle=Obstacle(PluginState.DISABLED, cause, fix))

    def _attempt(self, candidate: Candidate) -> Declarations | _Failure:
        key = _module_of(candidate)
        self._importing.keys = self._importing.keys | {key}
        try:
            with self._transaction():
                declared = collect(import_guarded(candidate.module, "its plugin module"))
                self._check_groups(candidate, declared)
                return declared
        except KeyboardInterrupt:
            raise
        except PluginIncompatibleError as error:
            fix = f"run: pip install -U automodel-core {candidate.distribution}"
            return _Failure(Obstacle(PluginState.INCOMPATIBLE, str(error), fix), error)
        except BaseException as error:  # noqa: BLE001 - kept, and raised when asked for
            own = isinstance(error, AutomodelError)
            cause = str(error) if own else describe(error)
            # What the plugin raised is the cause that a reader wants, not our wrapping of it.
            origin = error.__cause__ if own and error.__cause__ is not None else error
            fix = (
                f"install {candidate.distribution} again or in another version, uninstall it, or "
                f"set {DISABLED}={candidate.distribution}"
            )
            if isinstance(origin, ImportError) and origin.name == "automodel_core":
                fix = f"run: pip install -U automodel-core {candidate.distribution}"
            return _Failure(Obstacle(PluginState.BROKEN, cause, fix), origin)
        finally:
            self._importing.keys = self._importing.keys - {key}

    def _check_groups(self, candidate: Candidate, declared: Declarations) -> None:
        """Refuse hooks that would never be called, given the groups the module is listed in."""
        key = _module_of(candidate)
        listed = {item.group for item in self._candidates if _module_of(item) == key}
        if declared.extends and EXTENSIONS not in listed:
            raise RegistrationError(
                f"it implements hooks that only modules of the entry-point group {EXTENSIONS} are "
                "asked for; list the module there too"
            )
        if EXTENSIONS in listed and not declared.extends:
            raise RegistrationError(
                f"it is an entry point of {EXTENSIONS} and implements no hook for it"
            )
        if declared.of(Architecture) and ARCHITECTURES not in listed:
            raise RegistrationError(
                f"it returns architectures; name each of their model types as an entry point of "
                f"{ARCHITECTURES}"
            )


class _OfThread(threading.local):
    keys: frozenset[tuple[str, str]] = frozenset()


def title(candidate: Candidate) -> str:
    """Return how messages name a plugin: distribution, version and module."""
    name = " ".join(filter(None, (candidate.distribution, candidate.version)))
    return f"plugin {name or candidate.path} (module {candidate.module})"


def error_of(candidate: Candidate, obstacle: Obstacle) -> PluginError:
    """Return the error that reports the obstacle of a candidate."""
    message = f"{title(candidate)} is {obstacle.state}: {obstacle.cause}; {obstacle.fix}"
    return _ERRORS[obstacle.state](message)


def conflict(
    what: str, name: str, rivals: Sequence[Candidate], wanted: Candidate | None = None
) -> Obstacle:
    """Return the obstacle of several distributions that claim one name.

    The ways out are those to ``wanted``, by default the first of them.
    """
    named = " and ".join(f"{rival.distribution} {rival.version}".strip() for rival in rivals)
    wanted = rivals[0] if wanted is None else wanted
    keep = wanted.distribution
    others = [rival.distribution for rival in rivals if rival.key != wanted.key]
    ways_out = (
        f"pass plugin={keep!r}, or set {PREFER}={name}={keep}, or uninstall the others: "
        f"pip uninstall {' '.join(others)}"
    )
    return Obstacle(PluginState.CONFLICT, f"{what} is claimed by {named}", ways_out)


def _disagreement(candidate: Candidate, declared: Declarations) -> Obstacle | None:
    """Return the obstacle of an entry point for a model type that its module does not return."""
    if candidate.group != ARCHITECTURES or candidate.name in declared.model_types:
        return None
    names = ", ".join(map(shown, declared.model_types)) or "no architecture"
    return Obstacle(
        PluginState.BROKEN,
        f"it has an entry point for model type {shown(candidate.name)} and returns {names}",
        "correct the plugin so that the two agree, or install it again if it was changed after its "
        "installation",
    )


def _is(candidate: Candidate, state: PluginState) -> bool:
    return candidate.obstacle is not None and candidate.obstacle.state is state


def _module_of(candidate: Candidate) -> tuple[str, str]:
    return candidate.key, candidate.module
