"""Several files exchanged in one step, wherever the step is cut."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from automodel_core.checkpoint.places import exchange as module
from automodel_core.checkpoint.places.exchange import (
    current_file,
    current_names,
    exchange_files,
    target_folder,
)
from automodel_core.errors import AutomodelError, InputError, SavingError
from support.crashes import states_on_the_way


def save(folder: Path, files: dict[str, str], remove: tuple[str, ...] = ()) -> None:
    with exchange_files(folder) as exchange:
        for name, text in files.items():
            exchange.write(name, text.encode())
        exchange.remove(remove)


def contents(folder: Path) -> dict[str, str]:
    """Return what a reader of automodel sees."""
    found = {name: current_file(folder, name) for name in current_names(folder)}
    return {name: path.read_text() for name, path in found.items() if path is not None}


def test_files_are_exchanged_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    save(folder, {"x": "1", "y": "1"})
    (folder / "mine").write_text("kept")
    save(folder, {"x": "2", "z": "2"}, remove=("y", "x", "never there"))
    assert contents(folder) == {"x": "2", "z": "2", "mine": "kept"}
    assert sorted(os.listdir(folder)) == ["mine", "x", "z"]


@pytest.mark.parametrize("cut_before", [False, True])
def test_a_cut_anywhere_leaves_the_old_files_or_the_new(tmp_path: Path, cut_before: bool) -> None:
    folder = tmp_path / "folder"
    old = {"x": "old", "y": "old", "z": "same"}
    new = {"x": "new", "w": "new", "z": "same"}
    save(folder, old)
    (folder / "mine").write_text("kept")
    if cut_before:  # there is already something to complete
        states = states_on_the_way(lambda: save(folder, {"x": "0"}), folder, tmp_path / "0")
        cut = next(state for state in states if (state / ".automodel-save" / "x").exists())
        shutil.rmtree(folder)
        shutil.copytree(cut, folder)
        old = {**old, "x": "0"}
    seen = []
    for state in states_on_the_way(
        lambda: save(folder, new, remove=("y",)), folder, tmp_path / "states"
    ):
        found = contents(state)
        assert found.pop("mine") == "kept"
        assert found in (old, new)
        seen.append(found == new)
        save(state, {"last": "1"})
        found.update(last="1", mine="kept")
        assert {path.name: path.read_text() for path in state.iterdir()} == found
    assert seen == sorted(seen), "what was new became old again"
    assert len(set(seen)) == 2
    assert len(seen) > 10


def test_files_that_stay_the_same_are_not_touched(tmp_path: Path) -> None:
    save(tmp_path, {"x": "1", "y": "1"})
    before = (tmp_path / "x").stat()
    save(tmp_path, {"x": "1", "y": "2"})
    after = (tmp_path / "x").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_an_exception_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    def interrupted(folder: Path, error: type[BaseException]) -> None:
        with exchange_files(folder) as exchange:
            exchange.write("x", b"new")
            raise error

    folder = tmp_path / "folder"
    with pytest.raises(KeyboardInterrupt):
        interrupted(folder, KeyboardInterrupt)
    assert not folder.exists()
    save(folder, {"x": "1"})
    with pytest.raises(ZeroDivisionError):
        interrupted(folder, ZeroDivisionError)
    assert os.listdir(folder) == ["x"]
    assert contents(folder) == {"x": "1"}


def test_what_a_killed_saver_left_is_removed(tmp_path: Path) -> None:
    save(tmp_path, {"x": "1"})
    left = tmp_path / ".automodel-save.0123456789ab"
    left.mkdir()
    (left / "x").write_text("half")
    assert contents(tmp_path) == {"x": "1"}
    save(tmp_path, {"y": "2"})
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_two_savers_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    problems: list[str] = []

    def saver(number: int) -> None:
        for _ in range(20):
            with exchange_files(tmp_path) as exchange:
                inside.append(number)
                if len(inside) > 1:
                    problems.append(f"{inside} at once")
                exchange.write("x", b"%d" % number)
                exchange.write("y", b"%d" % number)
                inside.remove(number)

    threads = [threading.Thread(target=saver, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(set(contents(tmp_path).values())) == 1


def test_savers_without_locks_complete_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_lock", lambda handle, folder: False)
    with exchange_files(tmp_path) as outer:
        outer.write("x", b"outer")
        save(tmp_path, {"x": "inner", "y": "inner"})
    assert contents(tmp_path) == {"x": "outer", "y": "inner"}
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_a_system_that_renames_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, {"x": "1", "y": "1"})

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(Path, "rename", refuse)
    save(tmp_path, {"x": "2"}, remove=("y",))
    assert contents(tmp_path) == {"x": "2"}
    assert os.listdir(tmp_path) == ["x"]


def failing(error: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_an_error_of_the_disk_names_the_file(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, {"x": "1"})
    monkeypatch.setattr(module, "_sync", failing(error))
    with pytest.raises(SavingError, match=rf"cannot write '{tmp_path}/x': .*unharmed") as caught:
        save(tmp_path, {"x": "2"})
    assert caught.value.errno == error
    assert contents(tmp_path) == {"x": "1"}
    assert os.listdir(tmp_path) == ["x"]


def test_a_folder_in_place_of_a_file_is_found_before_the_exchange(tmp_path: Path) -> None:
    save(tmp_path, {"x": "1"})
    (tmp_path / "y").mkdir()
    with pytest.raises(SavingError, match="y' is a folder"):
        save(tmp_path, {"x": "2", "y": "2"})
    assert contents(tmp_path) == {"x": "1"}


@pytest.mark.parametrize("name", ["../x", "a/b", "", "."])
def test_names_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(AutomodelError, match="plain name"):
        save(tmp_path, {name: "1"})


def test_where_to_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert target_folder("~/model") == tmp_path / "model"
    with pytest.raises(InputError, match="empty name"):
        target_folder("")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"):
        target_folder(tmp_path / "file")
