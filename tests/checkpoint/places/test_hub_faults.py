"""A hub that is busy, slow, or sends something else than it announced."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from contextlib import redirect_stderr
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from huggingface_hub.utils import enable_progress_bars

from automodel_core.checkpoint.places.hub import answers
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError
from support.hub import FakeHub

SHARDS = [f"model-0000{number}-of-00004.safetensors" for number in (1, 2, 3, 4)]
FILES = {"config.json": b"{}", **{name: name.encode() * 50 for name in SHARDS}}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect how long is waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr(answers.time, "sleep", found.append)
    return found


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_hub_is_asked_again(
    status: int, hub: FakeHub, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    hub.add("org/model", FILES)
    hub.busy = [status] * 3
    with caplog.at_level(logging.WARNING, "automodel_core"):
        assert open_checkpoint("org/model").names() == FILES.keys()
    assert waits == [1, 2, 4]
    told = [r for r in caplog.records if r.name == "automodel_core"]
    assert len(told) == 1
    assert f"answered {status} " in told[0].getMessage()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_file_is_asked_for_again(
    status: int, method: str, hub: FakeHub, waits: list[float]
) -> None:
    """By the client itself, or where it asks once only, by us."""
    hub.add("org/model", FILES)
    files = open_checkpoint("org/model")
    hub.busy, hub.busy_methods = [status] * 2, (method,)
    assert files.require(SHARDS[0]).read_bytes() == FILES[SHARDS[0]]
    assert waits
    assert sum(waits) < 10


def test_it_waits_as_long_as_it_is_told(hub: FakeHub, waits: list[float]) -> None:
    hub.add("org/model", FILES)
    hub.busy, hub.retry_after = [429, 503], "7"
    open_checkpoint("org/model")
    assert waits == [7, 7]
    waits.clear()
    date = datetime.now(timezone.utc) + timedelta(seconds=20)
    hub.busy, hub.retry_after = [503], format_datetime(date, usegmt=True)
    open_checkpoint("org/model")
    assert 15 < waits[0] <= 20


@pytest.mark.parametrize("told", ["61", "999999999", "40"])
def test_it_does_not_wait_for_ever(told: str, hub: FakeHub, waits: list[float]) -> None:
    hub.add("org/model", FILES)
    hub.busy, hub.retry_after = [429] * 100, told
    with pytest.raises(CheckpointNotFoundError, match=rf"answered 429 .*asks to wait {told} s"):
        open_checkpoint("org/model")
    assert sum(waits) <= 60


@pytest.mark.parametrize("told", [None, "soon", "-3", ""])
def test_it_gives_up(told: str | None, hub: FakeHub, waits: list[float]) -> None:
    hub.add("org/model", FILES)
    hub.busy, hub.retry_after = [503] * 100, told
    with pytest.raises(CheckpointNotFoundError, match="answered 503"):
        open_checkpoint("org/model")
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_asked_again(status: int, hub: FakeHub, waits: list[float]) -> None:
    hub.add("org/model", FILES)
    hub.busy = [status]
    with pytest.raises(CheckpointNotFoundError):
        open_checkpoint("org/model")
    assert waits == []


def test_what_is_not_as_announced_is_fetched_once_more(hub: FakeHub) -> None:
    hub.add("org/model", FILES)
    hub.lies = 1
    assert open_checkpoint("org/model").require(SHARDS[0]).read_bytes() == FILES[SHARDS[0]]
    assert len([p for v, p in hub.requests if v == "GET" and p.endswith(SHARDS[0])]) == 2


def test_what_is_never_as_announced_is_refused_and_not_kept(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/model", FILES)
    hub.lies = 2
    files = open_checkpoint("org/model")
    with pytest.raises(CheckpointFormatError, match=rf"announced sha256 \w+ for '{SHARDS[0]}'"):
        files.require(SHARDS[0])
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    assert files.require(SHARDS[0]).read_bytes() == FILES[SHARDS[0]]


def test_nothing_is_fetched_if_a_shard_is_missing(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/model", {name: FILES[name] for name in SHARDS[:-1]})
    files = open_checkpoint("org/model")
    hub.forget()
    with pytest.raises(CheckpointNotFoundError, match=rf"lacks 1 of 4 files: '{SHARDS[-1]}'"):
        files.require_all(SHARDS)
    assert hub.requests == []
    assert not list((tmp_path / "cache").rglob("blobs/*"))


def test_shards_are_fetched_side_by_side_in_one_bar(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/model", FILES)
    files = open_checkpoint("org/model")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", None)
    enable_progress_bars()
    hub.delay = 0.2
    began, output = time.monotonic(), io.StringIO()
    with redirect_stderr(output):
        paths = files.require_all(SHARDS)
    assert time.monotonic() - began < 2 * len(SHARDS) * 0.2
    assert [path.read_bytes() for path in paths] == [FILES[name] for name in SHARDS]
    size = sum(len(FILES[name]) for name in SHARDS)
    last = output.getvalue().rpartition("\r")[2]
    assert "Fetching 4 files: 100%" in last
    assert f"{size / 1000:.2f}k/{size / 1000:.2f}k" in last
    assert "model-0000" not in output.getvalue()


def test_one_shard_that_fails_ends_the_others(hub: FakeHub) -> None:
    names = [f"model-{number:05d}-of-00040.safetensors" for number in range(1, 41)]
    commit = hub.add("org/model", dict.fromkeys(names, b"x"))
    files = open_checkpoint("org/model")
    del hub.repositories["org/model"].commits[commit][names[0]]
    hub.delay = 0.05
    with pytest.raises(CheckpointNotFoundError, match="model-00001"):
        files.require_all(names)
    assert len({path for path in hub.paths("GET") if path.endswith(".safetensors")}) < 39


def test_threads_fetch_the_same_files(hub: FakeHub) -> None:
    hub.add("org/model", FILES)
    found: list[list[bytes]] = []

    def fetch() -> None:
        files = open_checkpoint("org/model", HubOptions())
        found.append([path.read_bytes() for path in files.require_all(SHARDS)])

    threads = [threading.Thread(target=fetch) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[FILES[name] for name in SHARDS]] * 16


def test_the_cache_is_used_where_the_hub_stays_busy(hub: FakeHub, waits: list[float]) -> None:
    hub.add("org/model", FILES)
    open_checkpoint("org/model").require("config.json")
    hub.busy = [503] * 100
    with pytest.warns(UserWarning, match="the files in the cache are used"):
        files = open_checkpoint("org/model")
    assert files.require("config.json").read_bytes() == b"{}"
    assert os.path.exists(files.require("config.json"))
