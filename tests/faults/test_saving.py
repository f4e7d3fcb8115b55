"""Kills, full disks and other savers: what was saved is there, wholly."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import SavingError
from support.marked import SHARDS, keep_saving, model_of, number_in, save_with_a_limit, tokenizer_of


def test_kills(tries: int, children: ForkServerContext, tmp_path: Path) -> None:
    """A saver killed at any moment leaves what it saved last, or what it was about to save."""
    folder = tmp_path / "model"
    model_of(1.0).save_pretrained(folder)
    tokenizer_of(1.0).save_pretrained(folder)
    (folder / "notes.txt").write_text("mine")
    draw = random.Random(tries)
    possible = {"model": {1.0}, "tokenizer": {1.0}}
    cut = 0
    for attempt in range(tries):
        receive, send = children.Pipe(duplex=False)
        saver = children.Process(
            target=keep_saving, args=(folder, attempt, 2.0 + attempt, 100, send), daemon=True
        )
        saver.start()
        send.close()
        receive.poll(60)
        time.sleep(draw.random() * 0.1)
        saver.kill()
        saver.join()
        cut += (folder / ".automodel-save").exists()
        try:
            while True:
                moment, kind, number = receive.recv()
                possible[kind] = {number} if moment == "ended" else {*possible[kind], number}
        except EOFError:
            pass
        for kind, numbers in possible.items():
            found = number_in(folder, tokenizer=kind == "tokenizer")
            assert found in numbers, f"{kind}: {found} after attempt {attempt}, not of {numbers}"
            possible[kind] = {found}
    model_of(0.5).save_pretrained(folder)
    assert number_in(folder) == 0.5
    assert (folder / "notes.txt").read_text() == "mine"
    assert not [name for name in os.listdir(folder) if name.startswith(".")]
    print(f"{tries} kills, {cut} of them in the middle of an exchange, 0 failures")


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A disk of ``size`` bytes, where the caller may make one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def failure_of_saving(number: float, folder: Path, **options: Any) -> SavingError | None:
    try:
        model_of(number).save_pretrained(folder, **options)
    except SavingError as error:
        return error
    return None


def test_a_full_disk(tries: int, tmp_path: Path) -> None:
    """A disk that is full after so many bytes more leaves the old model, and names the file."""
    with small_disk(tmp_path / "disk", 256 << 10) as disk:
        folder = disk / "model"
        model_of(0.25).save_pretrained(folder)
        present, failures = 0.25, 0
        for attempt in range(tries):
            number = 0.5 + attempt
            status = os.statvfs(disk)
            filler = disk / "filler"
            free = (status.f_bavail - attempt % 12) * status.f_frsize
            filler.write_bytes(b"x" * max(0, free))
            failure = failure_of_saving(number, folder, **(SHARDS if attempt % 2 else {}))
            if failure is None:
                present = number
            else:
                failures += 1
                assert failure.errno == errno.ENOSPC
                assert f"{folder}/" in str(failure)
            assert number_in(folder) == present
            filler.unlink()
        assert 0 < failures < tries
        model_of(0.75).save_pretrained(folder)
        assert number_in(folder) == 0.75
        assert not [name for name in os.listdir(folder) if name.startswith(".")]


def test_files_that_may_not_grow(tries: int, children: ForkServerContext, tmp_path: Path) -> None:
    """A limit on the size of files is met in every file of a save, and each is named."""
    folder = tmp_path / "model"
    model_of(0.25).save_pretrained(folder, **SHARDS)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    limits = sorted({size - 1 for size in sizes.values()})
    named = set()
    for limit in limits[: max(3, tries // 30)]:
        receive, send = children.Pipe(duplex=False)
        saver = children.Process(target=save_with_a_limit, args=(folder, 0.5, limit, send))
        saver.start()
        kind, message, number = receive.recv()
        saver.join()
        assert (kind, number) == ("SavingError", errno.EFBIG)
        named |= {name for name in sizes if f"/{name}'" in message}
        assert number_in(folder) == 0.25
    assert named


def test_two_savers(tries: int, children: ForkServerContext, tmp_path: Path) -> None:
    """Savers of one folder take turns; the last one's files are all there."""
    folder = tmp_path / "model"
    for attempt in range(max(1, tries // 100)):
        savers = [
            children.Process(target=keep_saving, args=(folder, seed, 1.0 + seed, 30))
            for seed in (2 * attempt, 2 * attempt + 1)
        ]
        for saver in savers:
            saver.start()
        for saver in savers:
            saver.join()
        assert [saver.exitcode for saver in savers] == [0, 0]
        assert number_in(folder) > 1
        assert number_in(folder, tokenizer=True) > 1
        assert not [name for name in os.listdir(folder) if name.startswith(".")]


def test_a_reader_beside_a_saver(tries: int, children: ForkServerContext, tmp_path: Path) -> None:
    """Loads beside a saver that never rests get one save each."""
    folder = tmp_path / "model"
    model_of(1.0).save_pretrained(folder)
    tokenizer_of(1.0).save_pretrained(folder)
    found: set[float] = set()
    loads = 0
    for attempt in range(max(1, tries // 100)):
        saver = children.Process(target=keep_saving, args=(folder, attempt, 2.0 + attempt, 50))
        saver.start()
        while saver.is_alive():
            numbers = (number_in(folder), number_in(folder, tokenizer=True))
            found.update(numbers)
            loads += 2
        saver.join()
        assert saver.exitcode == 0
    assert len(found) > 5
    print(f"{loads} loads of {len(found)} saves, 0 failures")
