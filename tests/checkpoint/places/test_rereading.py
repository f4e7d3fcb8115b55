"""Loads that meet a save: all files they read are of one save."""

from __future__ import annotations

from pathlib import Path

import pytest

from automodel_core.checkpoint.places import rereading
from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.places.folder import LocalFiles
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import CheckpointChangedError


def save(folder: Path, value: str, names: str = "ab") -> None:
    with exchange_files(folder) as exchange:
        for name in names:
            exchange.write(name, value.encode())
        exchange.remove({"a", "b", "c"} - set(names))


def text(files: LocalFiles, name: str) -> str:
    return files.require(name).read_text()


def test_files_that_change_between_two_reads_are_read_again(tmp_path: Path) -> None:
    save(tmp_path, "old")
    calls = []

    @reread_on_change
    def load(folder: Path, *, twice: bool) -> str:
        files = LocalFiles("x", folder)
        calls.append(twice)
        first = text(files, "a")
        if len(calls) == 1:
            save(tmp_path, "new")
        return first + text(files, "b")

    assert load(tmp_path, twice=True) == "newnew"
    assert calls == [True, True]


def test_files_that_come_or_go_are_changes_too(tmp_path: Path) -> None:
    save(tmp_path, "old")
    files = LocalFiles("x", tmp_path)
    assert files.find("c") is None
    assert not files.changed()
    save(tmp_path, "new", "abc")
    assert files.changed()
    files = LocalFiles("x", tmp_path)
    files.require("c")
    save(tmp_path, "new")
    assert files.changed()
    with pytest.raises(CheckpointChangedError, match="saved anew"):
        files.confirm()


def test_a_save_of_the_same_content_is_no_change(tmp_path: Path) -> None:
    save(tmp_path, "old")
    files = LocalFiles("x", tmp_path)
    files.require("a")
    save(tmp_path, "old", "abc")
    assert not files.changed()


def test_an_error_counts_only_if_nothing_changed(tmp_path: Path) -> None:
    save(tmp_path, "old")
    calls = []

    @reread_on_change
    def load() -> str:
        calls.append(1)
        files = LocalFiles("x", tmp_path)
        path = files.require("a")
        if len(calls) < 3:
            save(tmp_path, f"new {len(calls)}")
            raise ValueError("the two do not fit")
        if len(calls) == 4:
            raise ValueError("this one is real")
        return path.read_text()

    assert load() == "new 2"
    with pytest.raises(ValueError, match="real"):
        load()
    assert len(calls) == 4


def test_what_was_confirmed_may_change(tmp_path: Path) -> None:
    save(tmp_path, "old")
    calls = []

    @reread_on_change
    def load() -> str:
        calls.append(1)
        files = LocalFiles("x", tmp_path)
        found = text(files, "a")
        files.confirm()
        save(tmp_path, "new")
        return found

    assert load() == "old"
    assert len(calls) == 1


def test_the_outer_load_begins_again(tmp_path: Path) -> None:
    save(tmp_path, "old")
    outer_calls, inner_calls = [], []

    @reread_on_change
    def inner() -> str:
        inner_calls.append(1)
        return text(LocalFiles("x", tmp_path), "b")

    @reread_on_change
    def outer() -> str:
        outer_calls.append(1)
        first = text(LocalFiles("x", tmp_path), "a")
        if len(outer_calls) == 1:
            save(tmp_path, "new")
        return first + inner()

    assert outer() == "newnew"
    assert (len(outer_calls), len(inner_calls)) == (2, 2)


def test_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "_ATTEMPTS", 3)
    save(tmp_path, "0")
    calls = []

    @reread_on_change
    def load() -> None:
        calls.append(1)
        LocalFiles("x", tmp_path).require("a")
        save(tmp_path, f"{len(calls)}")

    with pytest.raises(CheckpointChangedError, match="each of the 3 times"):
        load()
    assert len(calls) == 3
