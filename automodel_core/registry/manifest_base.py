"""What all manifests share: the plugin API that they are written for, and checks of fields.

A field of the wrong kind raises ``TypeError``, a value of the wrong form ``ValueError``; both
name the manifest and the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.errors import AutomodelError, InputError, PluginIncompatibleError

__all__ = [
    "PLUGIN_API",
    "FrozenTable",
    "Manifest",
    "NamedFunction",
    "NamedManifest",
    "RankedManifest",
    "require_api",
]

PLUGIN_API = (1, 3)
"""The plugin API of this core: a plugin built against a newer one is refused."""

REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TASK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class FrozenTable(Mapping[str, str]):
    """An immutable table of strings, so that manifests can be hashed, compared and pickled."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenTable({self._items!r})"


class Manifest:
    """What all manifests share: the plugin API they were written for, and the checks."""

    __slots__ = ()

    plugin_api: tuple[int, int]

    if not TYPE_CHECKING:

        def __new__(cls, *_: object, **given: Any) -> Any:
            """Refuse a newer plugin API before fields that only it knows are refused."""
            newer = given.keys() - {known.name for known in fields(cls)}
            if newer:
                require_api(given.get("plugin_api"), f"{cls.__name__}.{min(newer)}")
            return super().__new__(cls)

    @property
    def label(self) -> str:
        """The name that must be unique among the manifests of one kind."""
        raise TypeError(f"{type(self).__name__} is not a manifest")

    def _text(self, name: str, value: object, form: re.Pattern[str], expected: str) -> None:
        where = f"{type(self).__name__}.{name}"
        if not isinstance(value, str):
            raise TypeError(f"{where} must be a string, got {type(value).__name__} {value!r:.200}")
        if not form.fullmatch(value):
            raise ValueError(f"{where} must be {expected}, got {value!r:.200}")

    def _kind(self, name: str, value: object, kind: type) -> None:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(
                f"{type(self).__name__}.{name} must be {kind.__name__}, "
                f"got {type(value).__name__} {value!r:.200}"
            )

    def _name(self, name: str, value: object) -> None:
        self._text(name, value, NAME, "letters, digits, '.', '_' and '-'")

    def _task(self, name: str, value: object) -> None:
        self._text(name, value, TASK, "a task name like 'causal-lm'")

    def _reference(self, name: str, value: object) -> None:
        self._text(name, value, REFERENCE, "a reference like 'package.module:Class'")

    def _file(self, name: str, value: object) -> None:
        self._kind(name, value, str)
        if not value or set(str(value)) & set("/\\\0"):
            raise ValueError(
                f"{type(self).__name__}.{name} must be a plain file name, got {value!r:.200}"
            )

    def _plugin_api(self, value: object) -> None:
        where = f"{type(self).__name__}.plugin_api"
        if not isinstance(value, tuple) or [type(part) for part in value] != [int, int]:
            raise TypeError(f"{where} must be (major, minor), two integers, got {value!r:.200}")


def require_api(built_for: object, what: str = "it") -> None:
    """Raise `PluginIncompatibleError` if something was built for another plugin API than this."""
    match built_for:
        case (int(major), int(minor)):
            if major == PLUGIN_API[0] and minor <= PLUGIN_API[1]:
                return
            has = ".".join(map(str, PLUGIN_API))
            raise PluginIncompatibleError(
                f"{what} needs plugin API {major}.{minor}, this automodel-core has {has}"
            )


class NamedManifest(Manifest):
    """A manifest that is looked up by its ``name``."""

    __slots__ = ()

    name: str
    unknown: ClassVar[str] = "{name} is not installed; installed are {known}"
    """What the error says of a name that no manifest of this kind has."""
    error: ClassVar[type[AutomodelError]] = InputError

    @property
    def label(self) -> str:
        return self.name


class RankedManifest(NamedManifest):
    """A manifest of a part that is asked in turn with others, the highest ``priority`` first."""

    __slots__ = ()

    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFunction(NamedManifest):
    """A manifest of a ``function`` that is looked up by its ``name``."""

    name: str
    function: str
    plugin_api: tuple[int, int] = PLUGIN_API

    def __post_init__(self) -> None:
        self._plugin_api(self.plugin_api)
        self._name("name", self.name)
        self._reference("function", self.function)
