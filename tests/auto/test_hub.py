"""Auto classes on the hub: one revision for everything, few requests, none when cached."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from automodel_core.errors import CheckpointNotFoundError
from support.hub import FakeHub


def test_one_request_resolves_the_revision_of_config_and_weights(
    tiny_gpt: Any, checkpoint: Path, hub: FakeHub
) -> None:
    commit = hub.add_folder("org/model", checkpoint)
    model = AutoModelForCausalLM.from_pretrained("org/model")
    assert model.config.name_or_path == "org/model"
    resolving = [path for path in hub.paths() if path.startswith("/api/models/")]
    assert len(resolving) == 1
    fetched = {path for path in hub.paths() if "/resolve/" in path}
    assert fetched == {
        f"/org/model/resolve/{commit}/{name}"
        for name in ("config.json", "generation_config.json", "model.safetensors")
    }


def test_a_push_in_between_changes_nothing(
    tiny_gpt: Any, checkpoint: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automodel_core.modeling.pretrained import request

    hub.add_folder("org/model", checkpoint)
    read = request.config_values

    def read_and_push(files: Any) -> dict[str, Any]:
        values = read(files)
        hub.add("org/model", {"config.json": b"{}"})
        return values

    monkeypatch.setattr(request, "config_values", read_and_push)
    assert AutoModelForCausalLM.from_pretrained("org/model").config.hidden_size == 16


def test_what_is_cached_needs_no_network(
    tiny_gpt: Any, checkpoint: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add_folder("org/model", checkpoint)
    AutoModelForCausalLM.from_pretrained("org/model")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    config = AutoConfig.from_pretrained("org/model", local_files_only=True)
    assert config._commit_hash == commit
    AutoModelForCausalLM.from_pretrained("org/model", local_files_only=True)
    AutoModelForCausalLM.from_pretrained("org/model", revision=commit)
    with pytest.raises(CheckpointNotFoundError, match=r"not in the cache"):
        AutoConfig.from_pretrained("org/other", local_files_only=True)


def test_revision_and_subfolder(tiny_gpt: Any, checkpoint: Path, hub: FakeHub) -> None:
    hub.add("org/model", {"readme": b""})
    files = {f"inner/{path.name}": path.read_bytes() for path in checkpoint.iterdir()}
    hub.add("org/model", files, revision="v2")
    model = AutoModelForCausalLM.from_pretrained("org/model", revision="v2", subfolder="inner")
    assert model.config.hidden_size == 16
    with pytest.raises(CheckpointNotFoundError, match=r"has no config.json"):
        AutoModelForCausalLM.from_pretrained("org/model", subfolder="inner")


def test_a_plan_fetches_no_weights(tiny_gpt: Any, checkpoint: Path, hub: FakeHub) -> None:
    commit = hub.add_folder("org/model", checkpoint)
    plan = AutoModelForCausalLM.plan("org/model")
    assert plan.commit == commit
    assert plan.missing == ()
    assert not plan.weights.local
    assert "to be fetched" in str(plan)
    cached = [path.name for path in (checkpoint.parent / "cache").rglob("snapshots/*/*")]
    assert "model.safetensors" not in cached


def test_a_tokenizer_is_read_at_one_revision(
    tiny_gpt: Any, hub: FakeHub, tokenizer_json: bytes
) -> None:
    commit = hub.add("org/text", {"tokenizer.json": tokenizer_json})
    tokenizer = AutoTokenizer.from_pretrained("org/text")
    assert tokenizer("a b")["input_ids"] == [0, 1]
    assert len([path for path in hub.paths() if path.startswith("/api/models/")]) == 1
    assert {path.split("/")[4] for path in hub.paths() if "/resolve/" in path} == {commit}


def test_additional_chat_templates(tiny_gpt: Any, hub: FakeHub, tokenizer_json: bytes) -> None:
    files = {
        "tokenizer.json": tokenizer_json,
        "chat_template.jinja": b"plain",
        "additional_chat_templates/tools.jinja": b"with tools",
    }
    hub.add("org/text", files)
    both = {"default": "plain", "tools": "with tools"}
    assert AutoTokenizer.from_pretrained("org/text").chat_template == both
    hub.status = 500
    again = AutoTokenizer.from_pretrained("org/text", local_files_only=True)
    assert again.chat_template == both
