"""Everything that can go wrong, one class each.

Each class also derives from the built-in exception that users of Auto classes already catch, so
``except OSError`` around a download or ``except ValueError`` around a bad argument keeps working.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = [
    "AutomodelError",
    "BackendUnavailableError",
    "CheckpointChangedError",
    "CheckpointFormatError",
    "CheckpointNotFoundError",
    "ConfigurationError",
    "FailedInputsError",
    "GenerationArgumentError",
    "IncompleteCheckpointError",
    "InputError",
    "LockMismatchError",
    "MismatchedWeightsError",
    "MissingExtraError",
    "PluginBrokenError",
    "PluginConflictError",
    "PluginDisabledError",
    "PluginError",
    "PluginIncompatibleError",
    "PluginNotInstalledError",
    "PushError",
    "RegistrationError",
    "RemoteCodeRefusedError",
    "SavingError",
    "SerializationError",
    "TokenizationError",
    "UnknownModelTypeError",
    "UnsupportedTaskError",
    "did_you_mean",
    "listed",
    "located",
    "shown",
    "warn_caller",
]

_NOT_THE_CALLER = (__package__, "importlib", "torch")


class AutomodelError(Exception):
    """Base of every error that automodel raises on purpose."""


class ConfigurationError(AutomodelError, ValueError):
    """A configuration value has the wrong type, lies out of range, or contradicts another."""


class InputError(AutomodelError, ValueError):
    """An argument of ``forward``, a processor or a loader cannot be used."""


class FailedInputsError(InputError):
    """Some inputs of a pipeline cannot be used.

    ``errors`` says why, by position; ``results`` are those of the others, ``None`` in their places.
    """

    def __init__(
        self,
        message: str,
        results: Sequence[object] = (),
        errors: Mapping[int, Exception] | None = None,
    ) -> None:
        super().__init__(message)
        self.results = list(results)
        self.errors = dict(errors or {})

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.results, self.errors)


class GenerationArgumentError(InputError):
    """An argument of ``generate`` or a field of a generation config cannot be used."""


class TokenizationError(AutomodelError, ValueError):
    """Text, or a tokenizer file, cannot be processed."""


class UnknownModelTypeError(AutomodelError, ValueError):
    """No installed plugin provides the model type."""


class PluginNotInstalledError(UnknownModelTypeError):
    """A known distribution provides the model type, and it is not installed."""


class UnsupportedTaskError(AutomodelError, ValueError):
    """The architecture exists and has no model for the task."""


class RegistrationError(AutomodelError, ValueError):
    """A registration contradicts what is registered, or itself."""


class PluginError(AutomodelError, RuntimeError):
    """Base of the errors of one plugin."""


class PluginBrokenError(PluginError, ImportError):
    """The plugin is installed and cannot be imported or does not keep its contract."""


class PluginIncompatibleError(PluginError):
    """The plugin was built against another version of the plugin API."""


class PluginDisabledError(PluginError):
    """An environment variable keeps the plugin out."""


class PluginConflictError(PluginError):
    """Several distributions claim the same name."""


class BackendUnavailableError(AutomodelError, ImportError):
    """The class belongs to a framework that no installed plugin serves."""


class MissingExtraError(AutomodelError, ImportError):
    """An optional dependency is needed and not installed."""


class RemoteCodeRefusedError(AutomodelError, ValueError):
    """The caller or the checkpoint asks for code from a hub to be run; it never is."""


class CheckpointNotFoundError(AutomodelError, OSError):
    """A checkpoint, or one of its files, is not where it should be."""


class CheckpointFormatError(AutomodelError, OSError):
    """A file of a checkpoint is damaged, lies about its content, or has an unsafe format."""


class CheckpointChangedError(AutomodelError, OSError):
    """Files of a checkpoint were replaced while it was read."""


class LockMismatchError(AutomodelError, OSError):
    """A file, a commit or an installed package is not what the lock says."""


class SavingError(AutomodelError, OSError):
    """A file of a checkpoint cannot be written; what was saved there before is unharmed."""


class PushError(AutomodelError, OSError):
    """The hub did not take the files."""


class SerializationError(AutomodelError, TypeError):
    """A value cannot be written to a JSON file of a checkpoint."""


class IncompleteCheckpointError(AutomodelError, RuntimeError):
    """Weights of the model's body are missing from the checkpoint."""


class MismatchedWeightsError(AutomodelError, RuntimeError):
    """Weights of the checkpoint have other shapes than the model's."""


def shown(value: object, limit: int = 200) -> str:
    """Return ``value`` as it may stand in a message: escaped, and cut to ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def did_you_mean(name: str, known: Iterable[str], limit: int = 1) -> str:
    """Return a question about the most similar of the known names, if one is similar."""
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(set(known)), n=limit)
    return f" (did you mean {' or '.join(map(shown, near))}?)" if near else ""


@contextmanager
def located(what: str, path: str) -> Iterator[None]:
    """Let errors of this package name the file that they are about, unless they name its path."""
    try:
        yield
    except AutomodelError as error:
        if path not in str(error):
            error.args = (f"{what} of {shown(path)}: {error}",)
        raise


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and name the line outside of this package that led here, however deep it lies.

    Frames of torch, whose decorators wrap methods, and of imports in progress are passed over too.
    """
    frame = sys._getframe()
    while frame.f_back is not None and _package_of(frame) in _NOT_THE_CALLER:
        frame = frame.f_back
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    line, module = frame.f_lineno, frame.f_globals.get("__name__", "__main__")
    code = frame.f_code
    warnings.warn_explicit(message, category, code.co_filename, line, module, registry)


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
