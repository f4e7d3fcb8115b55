"""Models, configurations and generation settings onto the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors import safe_open

from automodel_core import __version__
from automodel_core.errors import CheckpointNotFoundError
from automodel_core.generation.settings.generation import GenerationConfig
from support.hub import FakeHub, serving_hub
from support.tiny_lm import TinyConfig, TinyForCausalLM, drawn

FILES = {"README.md", "config.json", "generation_config.json", "model.safetensors"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with serving_hub(tmp_path / "cache") as server:
        yield server


def files_of(hub: FakeHub, repo_id: str) -> dict[str, bytes]:
    repository = hub.repositories[repo_id]
    return repository.commits[repository.refs["main"]]


def test_only_what_was_written_is_uploaded(hub: FakeHub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "checkpoint-500").mkdir(parents=True)
    (folder / "checkpoint-500" / "optimizer.pt").write_text("large")
    (folder / "secret.txt").write_text("mine")
    model = drawn()
    model.save_pretrained(folder, push_to_hub=True, repo_id="org/kept", token="hf_x", tags="new")
    assert files_of(hub, "org/kept").keys() == FILES
    again = TinyForCausalLM.from_pretrained("org/kept")
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)
    model.save_pretrained(folder, push_to_hub=True, token="hf_x")
    assert files_of(hub, "someone/model").keys() == FILES


def test_a_push_replaces_the_weights_that_are_there(hub: FakeHub) -> None:
    drawn(seed=1).push_to_hub("org/model", token="hf_x")
    model = drawn(seed=2)
    model.push_to_hub("org/model", token="hf_x", max_shard_size=2000)
    assert "model.safetensors" not in files_of(hub, "org/model")
    again = TinyForCausalLM.from_pretrained("org/model")
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)
    model.push_to_hub("org/model", token="hf_x", safe_serialization=False, variant="v")
    names = files_of(hub, "org/model").keys()
    assert {"pytorch_model.v.bin", "model.safetensors.index.json"} < names


def test_a_card_names_where_a_model_comes_from(hub: FakeHub, tmp_path: Path) -> None:
    drawn().save_pretrained(tmp_path / "x")
    hub.add_folder("org/base", tmp_path / "x")
    TinyForCausalLM.from_pretrained("org/base").push_to_hub("org/tuned", token="hf_x")
    card = ModelCard(files_of(hub, "org/tuned")["README.md"].decode())
    assert card.data.base_model == "org/base"
    assert "TinyForCausalLM" in card.text
    TinyForCausalLM.from_pretrained(tmp_path / "x").push_to_hub("org/other", token="hf_x")
    card = ModelCard(files_of(hub, "org/other")["README.md"].decode())
    assert card.data.base_model is None


def test_configurations_and_generation_settings_alone(hub: FakeHub, tmp_path: Path) -> None:
    config, settings = TinyConfig(num_layers=3), GenerationConfig(num_beams=3)
    config.push_to_hub("org/model", token="hf_x", commit_message="Mine")
    settings.push_to_hub("org/model", token="hf_x")
    assert files_of(hub, "org/model").keys() == FILES - {"model.safetensors"}
    assert TinyConfig.from_pretrained("org/model").num_layers == 3
    assert GenerationConfig.from_pretrained("org/model").num_beams == 3
    pushes = hub.repositories["org/model"].pushes
    assert [push["summary"] for push in pushes] == ["Mine", "Upload generation config"]
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "secret.txt").write_text("mine")
    config.save_pretrained(tmp_path / "both", push_to_hub=True, token="hf_x")
    settings.save_pretrained(tmp_path / "both", push_to_hub=True, token="hf_x")
    assert files_of(hub, "someone/both").keys() == FILES - {"model.safetensors"}


def test_misspelt_arguments_name_the_right_ones(tmp_path: Path) -> None:
    model = drawn()
    calls: list[Any] = [
        model.save_pretrained,
        model.config.save_pretrained,
        GenerationConfig().save_pretrained,
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"save_pretrained\(\) .*did you mean 'push_to_hub'"):
            call(tmp_path / "x", push_to_hb=True)
    with pytest.raises(TypeError, match=r"'max_shard_sise' \(did you mean 'max_shard_size'\?\)"):
        model.save_pretrained(tmp_path / "x", max_shard_sise=3)
    with pytest.raises(TypeError, match="did you mean 'safe_serialization'"):
        model.push_to_hub("x", safe_serialisation=False)
    assert not (tmp_path / "x").exists()
    with pytest.raises(CheckpointNotFoundError):
        TinyForCausalLM.from_pretrained(tmp_path / "x")


def test_a_save_says_what_wrote_it(tmp_path: Path) -> None:
    drawn().save_pretrained(tmp_path, max_shard_size=2000)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["automodel-core"] == __version__
    for shard in set(index["weight_map"].values()):
        with safe_open(tmp_path / shard, "pt") as file:
            assert file.metadata() == {"format": "pt", "automodel-core": __version__}
