"""Where files come from: folders, and the hub with as few requests as possible."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from huggingface_hub import constants

from automodel_core.checkpoint.places.file_names import plain_name, safe_join
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, InputError
from support.hub import FakeHub, environment

FILES = {"config.json": b'{"model_type": "x"}', "model.safetensors": b"12345678", "a/b.txt": b"b"}


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_folder_gives_its_files(tmp_path: Path, no_sockets: None) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "vocab.txt").write_text("a")
    files = open_checkpoint(tmp_path)
    assert files.names() == {"config.json"}
    assert files.require("config.json") == tmp_path / "config.json"
    assert files.find("part") is None
    assert files.commit is None
    with pytest.raises(CheckpointNotFoundError, match=r"no file 'x\.json'; it has 'config\.json'"):
        files.require("x.json")
    inner = open_checkpoint(tmp_path, HubOptions(subfolder="part"))
    assert inner.names() == {"vocab.txt"}
    with pytest.raises(CheckpointNotFoundError, match="no subfolder 'other'"):
        open_checkpoint(tmp_path, HubOptions(subfolder="other"))


@pytest.mark.parametrize("name", ["./gone", "/gone/for/good", "~/x", "a/b/c", "a\\b", "x/"])
def test_what_can_only_be_a_path_is_not_asked_of_the_hub(name: str, no_sockets: None) -> None:
    with pytest.raises(CheckpointNotFoundError, match="no folder"):
        open_checkpoint(name)


def test_names_that_nothing_can_have(tmp_path: Path, no_sockets: None) -> None:
    with pytest.raises(CheckpointNotFoundError, match="valid hub id"):
        open_checkpoint("two..dots--here")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointNotFoundError, match="is a file"):
        open_checkpoint(tmp_path / "file")
    with pytest.raises(InputError, match="empty"):
        open_checkpoint("")
    with pytest.raises(InputError, match="named by"):
        open_checkpoint(3)  # type: ignore[arg-type]
    with pytest.raises(CheckpointNotFoundError, match="no folder"):
        open_checkpoint("nul\0byte")


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "..",
        ".",
        "",
        "C:x",
        "x\0",
        "x\n",
        "*",
        3,
        None,
        "x" * 300,
    ],
)
def test_file_names_from_files_are_plain(name: object, tmp_path: Path) -> None:
    with pytest.raises(CheckpointFormatError, match="refused"):
        safe_join(tmp_path, name, "weight_map")
    assert plain_name("model-00001-of-00002.safetensors")


@pytest.mark.parametrize("field", ["revision", "subfolder"])
@pytest.mark.parametrize("value", ["../up", "/abs", "a/../../b", "a//b", "a\0b"])
def test_revision_and_subfolder_stay_inside(field: str, value: str) -> None:
    with pytest.raises(InputError, match=field):
        HubOptions(**{field: value})


def test_options_are_split_from_other_arguments() -> None:
    options, rest = HubOptions.split({"token": "hf_secret", "revision": "v1", "d_model": 3})
    assert options.revision == "v1"
    assert rest == {"d_model": 3}
    assert "hf_secret" not in repr(options)
    for name in ("resume_download", "use_auth_token", "mirror"):
        with pytest.warns(FutureWarning, match=name):
            assert HubOptions.split({name: True})[1] == {}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            HubOptions.split({name: None})
    with pytest.warns(UserWarning, match="HTTPS_PROXY"):
        HubOptions(proxies={"https": "x"})
    with pytest.raises(InputError, match="exclude"):
        HubOptions(force_download=True, local_files_only=True)


def test_one_request_resolves_and_each_file_is_fetched_once(hub: FakeHub) -> None:
    commit = hub.add("org/model", FILES)
    files = open_checkpoint("org/model")
    assert files.commit == commit
    assert files.names() == {"config.json", "model.safetensors"}
    assert files.require("config.json").read_bytes() == FILES["config.json"]
    assert files.find("generation_config.json") is None
    listing = "/api/models/org/model/revision/main"
    config = f"/org/model/resolve/{commit}/config.json"
    assert hub.requests == [("GET", listing), ("HEAD", config), ("GET", config)]
    hub.forget()
    again = open_checkpoint("org/model")
    assert again.require("config.json") == files.require("config.json")
    assert hub.paths() == [listing]


def test_all_files_come_from_one_commit(hub: FakeHub) -> None:
    first = hub.add("org/model", {"a.json": b"1", "b.json": b"1"})
    files = open_checkpoint("org/model")
    assert files.require("a.json").read_bytes() == b"1"
    hub.add("org/model", {"a.json": b"2", "b.json": b"2"})
    assert files.require("b.json").read_bytes() == b"1"
    assert files.commit == first


def test_a_cached_commit_needs_no_network(hub: FakeHub, request: pytest.FixtureRequest) -> None:
    commit = hub.add("org/model", FILES)
    files = open_checkpoint("org/model", HubOptions(revision=commit))
    files.require("config.json")
    assert files.find("generation_config.json") is None
    hub.forget()
    request.getfixturevalue("no_sockets")
    pinned = open_checkpoint("org/model", HubOptions(revision=commit))
    assert pinned.find("config.json") is not None
    assert pinned.find("generation_config.json") is None
    assert hub.requests == []


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_opens_no_socket(
    how: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    hub.add("org/model", FILES)
    open_checkpoint("org/model").require("config.json")
    request.getfixturevalue("no_sockets")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", how == "environment")
    options = HubOptions(local_files_only=how == "argument")
    files = open_checkpoint("org/model", options)
    assert files.names() == {"config.json"}
    assert files.require("config.json").is_file()
    assert files.find("model.safetensors") is None
    with pytest.raises(CheckpointNotFoundError, match="cache \\(offline\\) has no file"):
        files.require("model.safetensors")
    with pytest.raises(CheckpointNotFoundError, match="network is not used"):
        open_checkpoint("org/other", options)
    with pytest.raises(CheckpointNotFoundError, match="network is not used"):
        open_checkpoint("org/model", HubOptions(local_files_only=True, revision="v2"))
    if how == "environment":
        with pytest.raises(InputError, match="offline"):
            open_checkpoint("org/model", HubOptions(force_download=True))


def test_an_unreachable_hub_leaves_the_cache(hub: FakeHub) -> None:
    hub.add("org/model", FILES)
    open_checkpoint("org/model").require("config.json")
    hub.status = 404
    with pytest.warns(UserWarning, match="files in the cache are used"):
        files = open_checkpoint("org/model")
    assert files.require("config.json").is_file()
    with pytest.raises(CheckpointNotFoundError, match="the hub answered 404"):
        open_checkpoint("org/other")
    with pytest.raises(CheckpointNotFoundError):
        open_checkpoint("org/model", HubOptions(force_download=True))


def test_what_the_hub_refuses_is_explained(hub: FakeHub) -> None:
    hub.add("org/gated", FILES, gated=True, token="hf_right")
    hub.add("org/private", FILES, token="hf_right")
    commit = hub.add("org/model", FILES)
    with pytest.raises(CheckpointNotFoundError, match=r"access to .* is gated: ask for it at"):
        open_checkpoint("org/gated").require("config.json")
    with pytest.raises(CheckpointNotFoundError, match=r"not a repository .* token="):
        open_checkpoint("org/private")
    with pytest.raises(CheckpointNotFoundError, match="has no revision 'v9'"):
        open_checkpoint("org/model", HubOptions(revision="v9"))
    with pytest.raises(CheckpointNotFoundError, match="nobody is logged in"):
        open_checkpoint("org/model", HubOptions(token=True))
    right = HubOptions(token="hf_right")
    assert open_checkpoint("org/gated", right).require("config.json").is_file()
    assert open_checkpoint("org/private", right).require("config.json").is_file()
    files = open_checkpoint("org/model")
    del hub.repositories["org/model"].commits[commit]["config.json"]
    with pytest.raises(CheckpointNotFoundError, match=r"file 'config\.json' of 'org/model'"):
        files.require("config.json")


def test_revisions_subfolders_and_names_without_organisation(hub: FakeHub) -> None:
    hub.add("small", {"config.json": b"main"})
    hub.add("small", {"sub/config.json": b"pr"}, revision="refs/pr/1")
    assert open_checkpoint("small").require("config.json").read_bytes() == b"main"
    options = HubOptions(revision="refs/pr/1", subfolder="sub")
    files = open_checkpoint("small", options)
    assert files.names() == {"config.json"}
    assert files.require("config.json").read_bytes() == b"pr"
    offline = HubOptions(revision="refs/pr/1", subfolder="sub", local_files_only=True)
    assert open_checkpoint("small", offline).require("config.json").read_bytes() == b"pr"


def test_force_download_fetches_once_more_and_only_once(hub: FakeHub) -> None:
    hub.add("org/model", FILES)
    open_checkpoint("org/model").require("config.json")
    hub.forget()
    files = open_checkpoint("org/model", HubOptions(force_download=True))
    files.require("config.json")
    files.require("config.json")
    assert len(hub.paths("HEAD")) == 1


def test_missing_shards_are_named_before_any_is_fetched(hub: FakeHub) -> None:
    hub.add("org/model", {"one.bin": b"1", "three.bin": b"3"})
    files = open_checkpoint("org/model")
    hub.forget()
    with pytest.raises(CheckpointNotFoundError, match=r"lacks 1 of 3 files: 'two\.bin'"):
        files.require_all(["one.bin", "two.bin", "three.bin"])
    assert [path.read_bytes() for path in files.require_all(["three.bin", "one.bin"])] == [
        b"3",
        b"1",
    ]


def test_a_hostile_listing_names_no_file(hub: FakeHub) -> None:
    hub.add("org/model", {"../../evil": b"x", "/abs": b"x", "config.json": b"{}"})
    files = open_checkpoint("org/model")
    assert files.names() == {"config.json"}
    with pytest.raises(CheckpointFormatError):
        files.find("../../evil")


def test_no_torch_and_no_hub_client_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    code = (
        "import sys; from automodel_core.checkpoint.places.source import open_checkpoint\n"
        "from automodel_core.checkpoint.places.json_files import read_json\n"
        "import automodel_core.checkpoint.loading.preview\n"
        f"read_json(open_checkpoint({str(tmp_path)!r}).require('config.json'))\n"
        "assert not {'torch', 'huggingface_hub', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


def test_another_process_finds_the_server(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/model", FILES)
    code = (
        "from automodel_core.checkpoint.places.source import open_checkpoint\n"
        "print(open_checkpoint('org/model').require('config.json').read_text())"
    )
    env = {**os.environ, **environment(hub, tmp_path / "cache2")}
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, env=env, capture_output=True, text=True
    )
    assert "model_type" in result.stdout


def test_a_transfer_that_breaks_off_leaves_no_file(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between attempts
    hub.add("org/model", {"config.json": b"{}", "model.safetensors": b"x" * 5000})
    files = open_checkpoint("org/model")
    hub.cut_after = 1000
    with pytest.raises(CheckpointNotFoundError, match=r"model\.safetensors.* cannot be fetched"):
        files.require("model.safetensors")
    assert files.names() == {"config.json", "model.safetensors"}
    assert not list((tmp_path / "cache").glob("*/snapshots/*/model.safetensors"))
    hub.cut_after = None
    assert files.require("model.safetensors").stat().st_size == 5000
