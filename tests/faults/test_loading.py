"""Hubs that fail, many readers at once, and little memory."""

from __future__ import annotations

import json
import random
import shutil
import threading
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from automodel_core.checkpoint.places.hub import answers
from automodel_core.errors import AutomodelError
from support.hub import FakeHub, environment
from support.marked import SHARDS, model_of
from support.reading import digest, load_within, tell_digest
from support.tiny_lm import TinyForCausalLM


@pytest.fixture
def repository(hub: FakeHub, tmp_path: Path) -> str:
    """A repository with four shards, and what its weights are."""
    model_of(0.5).save_pretrained(tmp_path / "local", **SHARDS)
    hub.add_folder("org/model", tmp_path / "local")
    return digest(tmp_path / "local")


def test_a_hub_that_fails_now_and_then(
    tries: int, hub: FakeHub, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loads from a slow, busy, lying hub give the right weights or one of our errors."""
    monkeypatch.setattr(answers.time, "sleep", lambda seconds: None)
    draw = random.Random(tries)
    right = 0
    count = tries // 3
    for attempt in range(count):
        cache = tmp_path / f"cache {attempt}"
        hub.busy = [draw.choice((429, 500, 502, 503, 504)) for _ in range(draw.randrange(4))]
        hub.busy_methods = draw.choice((("GET",), ("HEAD",), ("GET", "HEAD")))
        hub.lies = draw.choice((0, 0, 1, 2))
        hub.cut_after = draw.choice((None, None, None, 100))
        try:
            model = TinyForCausalLM.from_pretrained("org/model", cache_dir=cache)
        except AutomodelError:
            hub.busy, hub.lies, hub.cut_after = [], 0, None
            model = TinyForCausalLM.from_pretrained("org/model", cache_dir=cache)
        else:
            right += 1
        assert all((p == 0.5).all() for p in model.parameters()), attempt
        shutil.rmtree(cache)
    assert right > count // 4
    print(f"{count} loads, {right} at the first call, 0 failures")


def test_processes_on_one_cold_cache(
    tries: int, children: ForkServerContext, hub: FakeHub, repository: str, tmp_path: Path
) -> None:
    """Eight processes that begin at once all get the weights, whoever fetches them."""
    for attempt in range(max(1, tries // 100)):
        variables = environment(hub, tmp_path / f"cache {attempt}")
        receivers, processes = [], []
        for _ in range(8):
            receive, send = children.Pipe(duplex=False)
            process = children.Process(target=tell_digest, args=("org/model", variables, send))
            process.start()
            receivers.append(receive)
            processes.append(process)
        told = [receive.recv() for receive in receivers]
        for process in processes:
            process.join()
        assert told == [repository] * 8


def test_threads(tries: int, hub: FakeHub, repository: str, tmp_path: Path) -> None:
    """Sixteen threads load from a folder and from a cold cache."""
    for _ in range(max(1, tries // 100)):
        found: list[str] = []

        def load(name: str | Path, found: list[str] = found) -> None:
            found.append(digest(name))

        names = [tmp_path / "local", "org/model"] * 8
        threads = [threading.Thread(target=load, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [repository] * 16
        shutil.rmtree(tmp_path / "cache")


def test_two_gigabytes_in_three(children: ForkServerContext, tmp_path: Path) -> None:
    """Weights are mapped, not read and held twice."""
    count, size = 8, 256 << 20
    header = {
        f"w{i}": {"dtype": "F32", "shape": [size // 4], "data_offsets": [i * size, (i + 1) * size]}
        for i in range(count)
    }
    text = json.dumps(header).encode().ljust(1024)
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + count * size)
    receive, send = children.Pipe(duplex=False)
    process = children.Process(target=load_within, args=(tmp_path, 3 << 30, send))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert receive.recv() == 0.0
