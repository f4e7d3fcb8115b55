"""Find the plugins that are installed, from metadata alone.

Entry points are read straight from the ``*.dist-info`` and ``*.egg-info`` folders on ``sys.path``:
one directory listing a path entry, one small file a distribution, and the name and version of
those that have one of our groups. ``importlib_metadata`` answers the same question in several times
the time, and its import alone costs more than everything here; it is asked only about what is not
a plain folder (zip files, finders of frozen applications).

Whatever is wrong with one distribution stays with that distribution.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from typing import Any

from automodel_core.errors import shown
from automodel_core.registry.installed.environment import normalised
from automodel_core.registry.installed.state import ARCHITECTURES, EXTENSIONS, PluginState

__all__ = ["Candidate", "Obstacle", "discover"]

_GROUPS = (ARCHITECTURES, EXTENSIONS)
_MARKER = "automodel."
_VALUE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?:\[[^\]]*\]\s*)?")
_DIGITS = re.compile(r"(\d+)")
_HEAD = 4096  # bytes


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a candidate cannot be used, known before anything is imported."""

    state: PluginState
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry point of one distribution; ``path`` is the distribution's metadata folder."""

    group: str
    name: str
    module: str
    distribution: str
    version: str
    path: str
    obstacle: Obstacle | None = None

    @property
    def key(self) -> str:
        """The distribution's name as package indexes compare it."""
        return normalised(self.distribution)


def discover(path: Sequence[str], finders: Iterable[object] = ()) -> tuple[Candidate, ...]:
    """Return every entry point of our groups, those that cannot be used included.

    Of two copies of a distribution the first on ``path`` counts. The result is sorted by name, so
    it depends neither on the file system's order nor on the order of installation.
    """
    first_at: dict[str, str] = {}
    candidates: list[Candidate] = []
    for distribution in _distributions(path, finders):
        key, where = distribution[0].key, distribution[0].path
        first = first_at.setdefault(key, where) if key else where
        if first != where:
            obstacle = Obstacle(
                PluginState.SHADOWED,
                f"a copy of {distribution[0].distribution} comes earlier on sys.path: {first}",
                f"remove the copy that is not wanted, {first} or {where}",
            )
            distribution = [replace(item, obstacle=obstacle) for item in distribution]
        candidates += distribution
    return tuple(sorted(candidates, key=lambda item: (item.name, item.key, item.path, item.group)))


def _distributions(path: Sequence[str], finders: Iterable[object]) -> Iterator[list[Candidate]]:
    """Yield the entry points of each distribution that has some, in the order of ``path``."""
    seen: set[str] = set()
    for entry in path:
        folder = os.path.realpath(entry or os.curdir)
        if folder in seen:
            continue
        seen.add(folder)
        try:
            names = os.listdir(folder)
        except NotADirectoryError:
            yield from _in_archive(folder)
            continue
        except OSError:
            continue
        yield from _in_folder(folder, names)
    for finder in tuple(finders):
        yield from _of_finder(finder, path)


def _in_folder(folder: str, names: list[str]) -> Iterator[list[Candidate]]:
    """Yield the distributions whose metadata lies in one folder, the newest version first."""
    found: list[tuple[str, str]] = []
    for name in names:
        # A leading "~" is pip's mark of a half-removed distribution.
        if name.endswith((".dist-info", ".egg-info", "EGG-INFO")) and not name.startswith("~"):
            text = _text(f"{folder}/{name}/entry_points.txt")
            if _MARKER in text:
                found.append((name, text))
    # Of two versions in one folder the newer one is meant: an upgrade left the older behind.
    for name, text in sorted(found, key=lambda item: _natural(item[0]), reverse=True):
        where = os.path.join(folder, name)
        yield from _candidates(text, _metadata(where), where)


def _text(path: str, limit: int = -1) -> str:
    """Return the text of a file, empty if it cannot be read; bytes that are not UTF-8 show."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def _metadata(folder: str) -> str:
    """Return the beginning of a distribution's metadata, which holds its name and version."""
    return _text(f"{folder}/METADATA", _HEAD) or _text(f"{folder}/PKG-INFO", _HEAD)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return a sort key in which 0.10 comes after 0.9."""
    parts = _DIGITS.split(name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _candidates(entry_points: str, metadata: str, where: str) -> Iterator[list[Candidate]]:
    """Yield one distribution's entry points of our groups, if it has any."""
    entries = list(_entries(entry_points))
    if not entries:
        return
    headers = metadata.partition("\n\n")[0]  # the body may be long
    name, version = _header(headers, "Name"), _header(headers, "Version")
    nameless = None
    if not name:
        nameless = Obstacle(
            PluginState.BROKEN,
            f"the metadata folder {where} does not say which distribution it belongs to",
            f"remove the folder {where}, a leftover of an installation, or install again",
        )
    counts: dict[tuple[str, str], int] = {}
    for group, label, _ in entries:
        counts[group, label] = counts.get((group, label), 0) + 1
    result = []
    for group, label, value in entries:
        match = _VALUE.fullmatch(value)
        obstacle = nameless
        if obstacle is None and (match is None or "\ufffd" in label):
            obstacle = _malformed(name, f"{label} = {value}", group, "names no module")
        if obstacle is None and counts[group, label] > 1:
            obstacle = _malformed(name, label, group, "is listed more than once")
        module = match.group(1) if match else value
        result.append(Candidate(group, label, module, name, version, where, obstacle))
    yield result


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (group, name, value) of our groups from the text of an ``entry_points.txt``."""
    group = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group in _GROUPS and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield group, name.strip(), value.strip()


def _header(metadata: str, key: str) -> str:
    """Return one header of a ``METADATA`` file; the body, which follows an empty line, is text."""
    for line in metadata.splitlines():
        if not line:
            break
        name, _, value = line.partition(":")
        if name.lower() == key.lower():
            return value.strip()
    return ""


def _malformed(distribution: str, what: str, group: str, problem: str) -> Obstacle:
    return Obstacle(
        PluginState.BROKEN,
        f"entry point {shown(what)} of group {group} {problem}",
        f"reinstall {distribution}, or tell its author",
    )


def _in_archive(path: str) -> Iterator[list[Candidate]]:
    """Yield the distributions in a zip file on ``sys.path``."""
    from importlib_metadata import distributions

    yield from _of_library(lambda: distributions(path=[path]))


def _of_finder(finder: object, path: Sequence[str]) -> Iterator[list[Candidate]]:
    """Yield the distributions that a finder knows which does not read ``sys.path``."""
    # The optional method of a finder, as the import system's protocol has it. The two finders
    # that read ``sys.path``, the interpreter's and that of ``importlib_metadata``, are left out.
    find = getattr(finder, "find_distributions", None)
    if find is None or finder is PathFinder or type(finder).__module__ == "importlib_metadata":
        return
    from importlib_metadata import DistributionFinder

    context: Callable[..., object] = DistributionFinder.Context
    yield from _of_library(lambda: find(context(path=list(path))))


def _of_library(find: Callable[[], Iterable[Any]]) -> Iterator[list[Candidate]]:
    """Yield what ``importlib.metadata`` or a finder returns, each distribution guarded."""
    try:
        distributions = list(find())
    except Exception:  # noqa: BLE001 - foreign code; it must not stop the scan
        return
    for distribution in distributions:
        try:
            text = distribution.read_text("entry_points.txt") or ""
            if _MARKER not in text:
                continue
            metadata = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")
            where = str(distribution.locate_file(""))
        except Exception:  # noqa: BLE001 - foreign code; it must not stop the scan
            continue
        yield from _candidates(text, metadata or "", where)
