"""Saving a model: one step, whatever was in the folder before, and wherever it is cut."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from automodel_core import AutoModel
from automodel_core.errors import InputError, SavingError, SerializationError
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.registry import imports
from support.crashes import states_on_the_way
from support.marked import SHARDS, WAYS, model_of, number_in, tokenizer_of
from support.tiny_lm import TinyConfig, TinyForCausalLM, drawn


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
    values = [number_in(state) for state in states]
    assert values == sorted(values)
    assert set(values) == {0.25, 0.5}
    assert number_in(folder) == 0.5
    for state in (states[len(states) // 2], states[-1], folder):
        model_of(0.75).save_pretrained(state)
        assert number_in(state) == 0.75
        assert (state / "notes.txt").read_text() == "mine"
        assert not [name for name in os.listdir(state) if name.startswith(".")]


def test_a_tokenizer_is_saved_in_the_same_step(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model_of(0.25).save_pretrained(folder, tokenizer=tokenizer_of(0.25))
    assert (folder / "chat_template.jinja").is_file()
    new = model_of(0.5)
    states = states_on_the_way(
        lambda: new.save_pretrained(folder, tokenizer=tokenizer_of(0.5)),
        folder,
        tmp_path / "states",
    )
    for state in states:
        assert number_in(state) == number_in(state, tokenizer=True)
    plain = tokenizer_of(0.75)
    plain.chat_template = None
    model_of(0.75).save_pretrained(folder, tokenizer=plain)
    assert not (folder / "chat_template.jinja").exists()
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


def test_a_variant_is_saved_beside(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model_of(0.25).save_pretrained(folder)
    model_of(0.25).save_pretrained(folder, variant="half", **SHARDS)
    states = states_on_the_way(
        lambda: model_of(0.25).save_pretrained(folder, variant="half"), folder, tmp_path / "states"
    )
    for state in (*states, folder):
        assert number_in(state) == number_in(state, variant="half") == 0.25
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
    assert number_in(tmp_path) == 0.5


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
        values = [number_in(tmp_path) for _ in range(40)]
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
    model_of(0.25).save_pretrained(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    reference = "automodel_core.checkpoint.save:write_safetensors"
    monkeypatch.setitem(imports._resolved, reference, full)
    with pytest.raises(SavingError, match=r"model\.safetensors': No space left on device"):
        model_of(0.5).save_pretrained(tmp_path)
    assert number_in(tmp_path) == 0.25


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


WRAPPED: dict[str, Callable[[TinyForCausalLM], Mapping[str, torch.Tensor]]] = {
    "own names": lambda model: model.state_dict(),
    "the hub's names": lambda model: model.hub_state_dict(),
    "compiled": lambda model: torch.compile(model, backend="eager").state_dict(),
    "a part compiled": lambda model: {
        name.replace("stack.", "stack._orig_mod."): tensor
        for name, tensor in model.state_dict().items()
    },
    "data parallel": lambda model: nn.DataParallel(model).state_dict(),
    "compiled data parallel": lambda model: torch.compile(
        nn.DataParallel(model), backend="eager"
    ).state_dict(),
    "an adapter's, merged": lambda model: {
        f"base_model.model.{name}": tensor for name, tensor in model.state_dict().items()
    },
    "each weight once": lambda model: dict(model.named_parameters()),
    "the hub's names in a wrapper": lambda model: {
        f"module.{name}": tensor for name, tensor in model.hub_state_dict().items()
    },
}


@pytest.mark.parametrize("way", WRAPPED)
def test_states_of_wrapped_models_are_understood(way: str, tmp_path: Path) -> None:
    model, other = drawn(seed=3), drawn(seed=4)
    state = WRAPPED[way](model)
    other.save_pretrained(tmp_path, state_dict=state)
    again = TinyForCausalLM.from_pretrained(tmp_path)
    loaded = TinyForCausalLM.from_pretrained(None, config=model.config, state_dict=state)
    assert loaded.load_report is not None
    assert not loaded.load_report.unexpected
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
        assert torch.equal(loaded.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {}, "empty"),
        (lambda state: dict(list(state.items())[:3]), r"lacks \d+ of the \d+ weights of TinyFor"),
        (lambda state: {**state, "colour": torch.ones(1)}, "1 weights that .* has not: colour"),
        (
            lambda state: {k.replace("embed_tokens", "embed_tokns"): v for k, v in state.items()},
            r"embed_tokns\.weight \(did you mean 'model\.embed_tokens\.weight'\?\)",
        ),
        (lambda state: {**state, "lm_head.lora_A.default.weight": torch.ones(1)}, "merge it first"),
        (lambda state: {**state, "model.embed_tokens.weight": torch.ones(2, 2)}, r"shape \[2, 2\]"),
        (lambda state: {**state, "lm_head.weight": 3}, "must be a tensor"),
        (
            lambda state: {**state, "lm_head._orig_mod.weight": state["lm_head.weight"]},
            "'lm_head.weight' is there twice",
        ),
    ],
)
def test_a_state_that_is_not_the_models_is_refused_first(
    change: Callable[[dict[str, Any]], dict[str, Any]], message: str, tmp_path: Path
) -> None:
    model = drawn(seed=3)
    with pytest.raises(InputError, match=message):
        model.save_pretrained(tmp_path / "new", state_dict=change(dict(model.state_dict())))
    assert not (tmp_path / "new").exists()


def test_weights_that_share_memory_unasked_are_both_written(tmp_path: Path) -> None:
    model = drawn(seed=3)
    first, second = model.model.stack.layers
    second.mlp.up_proj.weight = first.mlp.up_proj.weight
    model.save_pretrained(tmp_path)
    again = TinyForCausalLM.from_pretrained(tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_a_state_of_a_sharded_model_is_compared_with_an_unsharded_one(tmp_path: Path) -> None:
    """Old full sharding joins all weights of a module in one, so the model does not know them."""
    model = drawn(seed=3)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flat = nn.Parameter(torch.zeros(10))
    for module in list(model.modules()):
        for name in list(module._parameters):
            del module._parameters[name]
    model.register_parameter("_flat_param", flat)
    model.save_pretrained(tmp_path, state_dict=state)
    again = TinyForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(again.lm_head.weight, state["lm_head.weight"])
