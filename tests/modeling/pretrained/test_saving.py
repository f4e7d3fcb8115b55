"""Saving a model: one step, whatever was in the folder before, and wherever it is cut."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModel
from automodel_core.errors import SavingError, SerializationError
from automodel_core.generation.settings.generation import GenerationConfig
from support.crashes import states_on_the_way
from support.tiny_lm import TinyConfig, TinyForCausalLM

SHARDS: Mapping[str, Any] = {"max_shard_size": 2000}
WAYS: dict[str, Mapping[str, Any]] = {
    "single": {},
    "sharded": SHARDS,
    "pickle": {"safe_serialization": False},
    "sharded pickle": {"safe_serialization": False, **SHARDS},
}


def model_of(value: float) -> TinyForCausalLM:
    """Return a model whose weights, configuration and generation settings tell one value."""
    model = TinyForCausalLM(TinyConfig(initializer_range=value))
    assert model.generation_config is not None
    model.generation_config.repetition_penalty = value
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)
    return model


def value_of(folder: Path, **options: Any) -> float:
    """Return the value of the model in a folder; everything must tell the same."""
    model = TinyForCausalLM.from_pretrained(folder, **options)
    values = {float(value) for p in model.parameters() for value in p.detach().unique()}
    values |= {model.config.initializer_range, float(model.generation_config.repetition_penalty)}
    assert len(values) == 1, f"a mixture of {values}"
    return values.pop()


@pytest.mark.parametrize("after", WAYS)
@pytest.mark.parametrize("before", WAYS)
def test_a_cut_save_leaves_the_old_model_or_the_new(
    before: str, after: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    model_of(0.25).save_pretrained(folder, **WAYS[before])
    (folder / "notes.txt").write_text("mine")
    new = model_of(0.5)
    states = states_on_the_way(
        lambda: new.save_pretrained(folder, **WAYS[after]), folder, tmp_path / "states"
    )
    values = [value_of(state) for state in states]
    assert values == sorted(values)
    assert set(values) == {0.25, 0.5}
    assert value_of(folder) == 0.5
    for state in (states[len(states) // 2], states[-1], folder):
        model_of(0.75).save_pretrained(state)
        assert value_of(state) == 0.75
        assert (state / "notes.txt").read_text() == "mine"
        assert not [name for name in os.listdir(state) if name.startswith(".")]


def test_a_variant_is_saved_beside(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model_of(0.25).save_pretrained(folder)
    model_of(0.25).save_pretrained(folder, variant="half", **SHARDS)
    states = states_on_the_way(
        lambda: model_of(0.25).save_pretrained(folder, variant="half"), folder, tmp_path / "states"
    )
    for state in (*states, folder):
        assert value_of(state) == value_of(state, variant="half") == 0.25
    assert sorted(os.listdir(folder)) == [
        "config.json",
        "generation_config.json",
        "model.half.safetensors",
        "model.safetensors",
    ]


def test_shards_of_two_saves_have_other_names(tmp_path: Path) -> None:
    model_of(0.25).save_pretrained(tmp_path, **SHARDS)
    first = set(os.listdir(tmp_path))
    assert "model-00001-of-00003.safetensors" in first
    model_of(0.5).save_pretrained(tmp_path, **SHARDS)
    second = set(os.listdir(tmp_path))
    assert first & second == {
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
    }
    assert value_of(tmp_path) == 0.5


@pytest.mark.parametrize("options", [{}, SHARDS], ids=["single", "sharded"])
def test_a_reader_beside_a_saver_never_fails(options: Mapping[str, Any], tmp_path: Path) -> None:
    models = [model_of(value) for value in (0.25, 0.5, 0.75)]
    models[0].save_pretrained(tmp_path, **options)
    done = threading.Event()

    def keep_saving() -> None:
        while not done.is_set():
            for model in models:
                model.save_pretrained(tmp_path, **options)

    saver = threading.Thread(target=keep_saving)
    saver.start()
    try:
        values = [value_of(tmp_path) for _ in range(40)]
    finally:
        done.set()
        saver.join()
    assert set(values) <= {0.25, 0.5, 0.75}
    assert len(set(values)) > 1


def test_a_model_keeps_its_weights_when_its_files_are_replaced(tmp_path: Path) -> None:
    model_of(0.25).save_pretrained(tmp_path)
    mapped = TinyForCausalLM.from_pretrained(tmp_path)
    model_of(0.5).save_pretrained(tmp_path)
    assert all((parameter == 0.25).all() for parameter in mapped.parameters())
    mapped.save_pretrained(tmp_path)
    again = TinyForCausalLM.from_pretrained(tmp_path)
    assert all((parameter == 0.25).all() for parameter in again.parameters())


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (object(), "colour"),
        ({"deep": {1: object()}}, r"colour\.deep\.1"),
        ({(1, 2): 3}, r"colour\.\(1, 2\)"),
        ([object()], "colour"),
    ],
)
def test_what_json_cannot_hold_is_found_first(value: object, key: str, tmp_path: Path) -> None:
    model = model_of(0.25)
    model.config.colour = value
    with pytest.raises(SerializationError, match=rf"TinyConfig cannot be written: key '{key}'"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(TypeError, match=key):
        model.config.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automodel_core.checkpoint import save

    model_of(0.25).save_pretrained(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(save, "write_safetensors", full)
    with pytest.raises(SavingError, match=r"model\.safetensors': No space left on device"):
        model_of(0.5).save_pretrained(tmp_path)
    assert value_of(tmp_path) == 0.25


def test_generation_settings_are_one_file(tmp_path: Path) -> None:
    GenerationConfig(num_beams=3).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "generation_config.json").read_text())["num_beams"] == 3
    assert GenerationConfig.from_pretrained(tmp_path).num_beams == 3


def test_auto_classes_read_what_a_cut_save_left(tmp_path: Path) -> None:
    from automodel_core import AutoConfig
    from support.tiny_lm import TinyModel

    folder = tmp_path / "model"
    AutoConfig.register("tiny", TinyConfig, exist_ok=True)
    AutoModel.register(TinyConfig, TinyModel, exist_ok=True)
    model_of(0.25).save_pretrained(folder, **SHARDS)
    states = states_on_the_way(
        lambda: model_of(0.5).save_pretrained(folder), folder, tmp_path / "states"
    )
    for state in states:
        model: Any = AutoModel.from_pretrained(state)
        assert (model.embed_tokens.weight == model.config.initializer_range).all()
        assert AutoConfig.from_pretrained(state).initializer_range == model.config.initializer_range
